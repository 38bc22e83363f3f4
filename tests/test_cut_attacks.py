"""What somebody tries who wants something signed that was not approved, or to stop all cutting: each way stays closed."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmbot import policy
from mmbot.console import Console
from mmbot.domain.cut import Cut
from mmbot.store import cuts
from mmbot.store.database import Store
from mmbot.terminal import ROLES

MONDAY = 1_794_218_400_000
REMIND = "https://github.com/example/mattermost-plugin-remind"
FORK = "https://github.com/mattermost/mattermost-plugin-remind"
OWN = "https://github.com/mattermost/mattermost-plugin-jira"
ID = "com.github.example.remind"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "mmbot.db", policy.load())
    yield opened
    opened.close()


@pytest.fixture
def console(store: Store) -> Console:
    made = Console(store, store.policy, MONDAY)
    made.settle({**ROLES, "release": ("rosa", "kim")})
    return made


def say(console: Console, *lines: str) -> str:
    async def play() -> list[str]:
        return [said for line in lines for said in await console.line(line)]

    return "\n".join(asyncio.run(play()))


def approved(console: Console, *more: str) -> None:
    """A ticket whose approved code was merged into its fork."""
    say(
        console,
        f":repo {REMIND} v1.0.0 3f9c2ab {ID} Remind 1.0.0 tree=one {' '.join(more)}",
        f":repo {FORK} main 88bb88b {ID} Remind 1.0.0 tree=one",
        f"@sue: /mb submit {REMIND} v1.0.0",
        "@olive: /mb request MB-1",
        *(f"@{who}: /mb approve MB-1 --all" for who in ("pam", "dana", "sam", "quinn")),
        f"@olive: /mb done MB-1 fork {FORK}",
        "@olive: /mb done MB-1 access",
        f"@olive: /mb done MB-1 pull-request {FORK}/pull/1",
        "@olive: /mb skip MB-1 legal as before",
        f"@olive: /mb done MB-1 merged {FORK}/commit/88bb88b",
    )


def last(store: Store, number: int = 1) -> Cut:
    found = cuts.cut(store, number)
    assert found
    return found


@pytest.mark.parametrize("name", ["mattermost-plugin-remind.zip", "a..b", "x.git.git", "x.", "../x", "mattermost//x"])
def test_what_is_no_repository_is_nobodys(console: Console, name: str) -> None:
    approved(console)
    say(console, "@sue: /mb submit")
    assert "is no repository of" in say(console, f"@rosa: /mb cutplugin --repo {name} --tag v1.0.0")


@pytest.mark.parametrize("tag", ["v1.0.0-linux-amd64", "v1.0.0-OSX-amd64", f"v1.0.0-{'a' * 80}"])
def test_a_tag_that_names_the_files_of_another_tag_is_none(console: Console, tag: str) -> None:
    said = say(
        console, f":repo {OWN} main 77aa77a jira Jira {tag[1:]}", f"@rosa: /mb cutplugin --repo {OWN} --tag {tag}"
    )
    assert "Choose another" in said or "must be `v` and a semantic version" in said


def test_files_are_named_as_the_ticket_spells_its_fork(console: Console, store: Store) -> None:
    approved(console)
    say(console, "@rosa: /mb cutplugin --repo MATTERMOST-Plugin-Remind --tag v1.0.0")
    assert last(store).name == "mattermost-plugin-remind-v1.0.0"


def test_a_cut_ends_when_whoever_asked_is_no_release_user_any_more(console: Console, store: Store) -> None:
    approved(console)
    say(console, ":cut obtain waits", "@rosa: /mb cutplugin MB-1")
    console.settle({**ROLES, "release": ("kim",)})
    say(console, ":cut obtain goes on", ":time +3m")
    assert last(store).state == "failed"
    assert "no release user any more" in say(console, "@kim: /mb cut status 1")
    say(console, "@kim: /mb cut retry 1", ":time +1m")
    assert last(store).state == "done"


def test_many_that_wait_come_to_an_end_together(console: Console, store: Store) -> None:
    say(console, f":repo {OWN} main 77aa77a jira Jira 1.0.0", ":cut obtain waits")
    for number in range(102):
        said = say(console, f"@rosa: /mb cutplugin --repo {OWN} --tag v1.0.{number}")
    assert "100 cuts wait already" in said
    console.settle({**ROLES, "release": ("kim",)})
    say(console, "@kim: /mb cut cancel 1")
    assert {last(store, n).state for n in range(3, 101)} == {"failed"}
    say(console, ":cut obtain goes on", ":time +3m")
    assert last(store, 2).state == "failed"


def test_what_could_not_be_verified_where_it_was_uploaded_is_uploaded_again(console: Console, store: Store) -> None:
    approved(console)
    say(console, ":cut verify-uploads fails it is not there", "@rosa: /mb cutplugin MB-1")
    assert last(store).state == "failed"
    say(console, ":cut upload waits", "@rosa: /mb cut retry 1")
    assert last(store).step == "upload"


def test_after_its_files_were_deleted_a_cut_goes_on_from_the_bundle(console: Console, store: Store) -> None:
    approved(console)
    say(console, ":cut upload fails it is full", "@rosa: /mb cutplugin MB-1", ":time +15d", ":cut obtain waits")
    say(console, "@rosa: /mb cut retry 1")
    assert (last(store).step, last(store).attempt) == ("obtain", 2)


@pytest.mark.parametrize("what", ["plugin", "version 1.0.0"])
def test_what_was_taken_down_does_not_come_back_under_a_ticket_that_names_neither(
    console: Console, store: Store, what: str
) -> None:
    filed = say(console, f":listed {FORK} {ID} Remind 1.0.0", f"@sam: /mb file {ID} critical it sends everything away")
    case = re.search(r"SEC-\d+", filed)
    assert case
    say(
        console,
        f"@sam: /mb takedown {case[0]} {what} it must go at once",
        f"@rosa: /mb confirm {case[0]}",
        f":unlisted {ID}",
    )
    approved(console, "version=")
    say(console, "@rosa: /mb cutplugin MB-1 --tag v1.0.0")
    assert last(store).state == "done"
    assert "was taken down" in say(console, "@rosa: /mb list MB-1")


def test_a_removal_that_breaks_is_told_to_those_who_do_it_by_hand_then(console: Console) -> None:
    filed = say(console, f":listed {FORK} {ID} Remind 1.0.0", f"@sam: /mb file {ID} critical it sends everything away")
    case = re.search(r"SEC-\d+", filed)
    assert case
    del console.workshop.shelf.db  # a fault of ours
    said = say(console, f"@sam: /mb takedown {case[0]} plugin it must go at once", f"@rosa: /mb confirm {case[0]}")
    assert "mmbot to @ada: I gave up a change to the listing: that is a fault of mine" in said
    told = re.findall(
        r"mmbot to @(\w+): rosa decided a takedown.*\n +I could not prepare that: That is a fault of mine", said
    )
    assert sorted(told) == ["kim", "olive", "rosa"]


def test_the_entry_is_not_made_while_its_files_are_being_replaced(console: Console, store: Store) -> None:
    approved(console)
    say(console, "@rosa: /mb cutplugin MB-1", ":cut upload waits", "@rosa: /mb cutplugin MB-1 --force once more")
    assert last(store, 2).state == "running"
    assert "is being cut already" in say(console, "@rosa: /mb list MB-1")


def test_what_was_cut_is_not_listed_under_an_id_that_was_put_right_since(console: Console, store: Store) -> None:
    approved(console, "id=")
    say(console, ":cut upload waits", "@rosa: /mb cutplugin MB-1")
    say(console, "@olive: /mb edit MB-1 id com.github.example.other", ":cut upload goes on", ":time +1m")
    assert last(store).state == "failed"
    assert "com.github.example.other" in say(console, "@rosa: /mb cut status 1")


def test_a_given_bundle_is_said_to_be_built_elsewhere(console: Console) -> None:
    approved(console)
    said = say(console, f"@rosa: /mb cutplugin MB-1 --bundle remind.tar.gz --sha256 {'a' * 64}")
    assert "nothing ties it to what was approved, so a second release user has to agree" in said
    say(console, ":role @kim release")
    said = say(console, "@kim: /mb cut confirm 1")
    assert "from a bundle that rosa gave and that was built elsewhere" in said


def test_of_many_cuts_the_first_ones_are_listed(console: Console) -> None:
    say(console, f":repo {OWN} main 77aa77a jira Jira 1.0.0", ":cut obtain waits")
    say(console, *(f"@rosa: /mb cutplugin --repo {OWN} --tag v1.0.{number}" for number in range(13)))
    said = say(console, "@rosa: /mb cut status")
    assert "3 more cuts under way" in said
    assert len(said.splitlines()) == 11


def test_what_was_uploaded_before_somebody_found_something_is_told_of(console: Console) -> None:
    approved(console)
    say(console, ":cut upload waits", "@rosa: /mb cutplugin MB-1", "@sam: /mb block MB-1 security it reads everything")
    assert "Its signed files are in the storage already" in say(console, ":cut upload goes on", ":time +3m")


def test_nobody_takes_up_again_what_another_gave_up_and_agrees_to_it_alone(console: Console, store: Store) -> None:
    say(console, f":repo {OWN} main 77aa77a jira Jira 1.0.0", f":listed {OWN} jira Jira 1.0.0")
    say(console, f"@rosa: /mb cutplugin --repo {OWN} --tag v1.0.0 --force the key was lost", "@rosa: /mb cut cancel 1")
    assert "a second release user has to agree" in say(console, "@kim: /mb cut retry 1")
    assert "a second person has to agree" in say(console, "@kim: /mb cut confirm 1")
    assert last(store).state == "asked"
    say(console, "@kim: /mb cut cancel 1", "@rosa: /mb cut retry 1", "@kim: /mb cut confirm 1")
    assert last(store).state == "done"


def test_a_question_is_answered_for_what_was_asked_with_it(console: Console) -> None:
    approved(console, "release_notes_url=https://example.com/releases/v0.3.9")
    say(
        console,
        f":repo {FORK} main 88bb88b {ID} Remind 1.0.0 tree=one release_notes_url=https://example.com/releases/v0.3.9",
    )
    say(console, "@rosa: /mb cutplugin MB-1")
    asked = say(console, "@rosa: /mb list MB-1 --partner --on-prem --enterprise")
    assert "`/mb list MB-1 --partner --on-prem --enterprise --yes`" in asked
    assert "please look again" in say(console, "@rosa: /mb list MB-1 --yes")  # as something else it was not asked
    say(console, "@rosa: /mb list MB-1 --partner --on-prem --enterprise")
    said = say(console, "@rosa: !click List it all the same")
    assert "by a partner, production, on-premises only, enterprise" in said


def test_what_stands_in_the_listings_file_takes_a_second_person_to_be_cut_anew(console: Console, store: Store) -> None:
    approved(console)
    say(console, "@rosa: /mb cutplugin MB-1", "@rosa: /mb list MB-1")
    assert "a second release user has to agree" in say(
        console, "@rosa: /mb cutplugin MB-1 --force the icon was missing"
    )
    assert last(store, 2).state == "asked"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("because it is time", "What is the reason for?"),
        (f"--sha256 {'a' * 64}", "A SHA-256 is that of a bundle"),
        ("--bundle x.tar.gz", "needs its SHA-256"),
        (
            f"--bundle x.tar.gz --sha256 {'a' * 64} --pre-release",
            "are about a release with the bundle, but you name it yourself",
        ),
        ("--force", "say why it is forced"),
    ],
)
def test_nothing_that_somebody_says_of_a_cut_is_passed_over(
    console: Console, store: Store, options: str, why: str
) -> None:
    approved(console)
    assert why in say(console, f"@rosa: /mb cutplugin MB-1 {options}")
    assert not cuts.cut(store, 1)


def test_nobody_agrees_to_a_bundle_of_they_know_not_what(console: Console, store: Store) -> None:
    given = f"cutplugin --repo {OWN} --tag v4.0.0 --bundle x.tar.gz --sha256 {'a' * 64}"
    assert "Which commit was that bundle built from?" in say(console, f"@rosa: /mb {given}")
    say(console, f"@rosa: /mb {given} --commitSHA 1234567")
    assert last(store).state == "asked"


def test_what_may_be_uploaded_when_a_cut_is_stopped_is_told_of(console: Console) -> None:
    approved(console)
    say(console, ":cut upload waits", "@rosa: /mb cutplugin MB-1")
    assert "What was uploaded by now stays there." in say(console, "@rosa: /mb cut cancel 1")


def test_before_it_is_approved_a_commit_is_not_called_so(console: Console) -> None:
    say(
        console,
        f":repo {REMIND} v1.0.0 3f9c2ab {ID} Remind 1.0.0 tree=one",
        f"@sue: /mb submit {REMIND} v1.0.0",
        "@olive: /mb request MB-1",
    )
    say(console, f"@olive: /mb done MB-1 fork {FORK}")
    assert "`3f9c2ab`, the commit under review of" in say(console, "@rosa: /mb cutplugin MB-1 --dry-run")
    approved_code = "`abcdef1`, if it has the approved code of"
    assert approved_code in say(console, "@rosa: /mb cutplugin MB-1 --dry-run --commitSHA abcdef1")
