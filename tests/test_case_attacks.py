"""What somebody tries who wants to learn of a case, to end one, or to drown the team: each way that was once open stays closed."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmbot import policy
from mmbot.console import Console
from mmbot.domain import case_facts as c
from mmbot.messages import Message
from mmbot.store import cases, outbox
from mmbot.store.database import Store
from mmbot.terminal import ROLES

MONDAY = 1_794_218_400_000
REMIND = "https://github.com/example/mattermost-plugin-remind"
FORK = "https://github.com/mallory/mattermost-plugin-remind"
LISTED = f":listed {REMIND} com.github.example.remind Remind 1.0.0"
SECRET = "zebrafish"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "mmbot.db", policy.load())
    yield opened
    opened.close()


@pytest.fixture
def console(store: Store) -> Console:
    made = Console(store, store.policy, MONDAY)
    made.settle({**ROLES, "owner": ("olive", "ole")})
    say(
        made,
        f":repo {REMIND} v1.0.0 3f9c2ab com.github.example.remind Remind 1.0.0",
        f":repo {REMIND} v1.0.1 81d0e44 com.github.example.remind Remind 1.0.1",
        f":repo {FORK} v6.6.6 6666666 com.github.example.remind Remind 6.6.6",
    )
    return made


def say(console: Console, *lines: str) -> list[str]:
    async def play() -> list[str]:
        return [said for line in lines for said in await console.line(line)]

    return asyncio.run(play())


def to(console: Console, name: str) -> str:
    """Everything that somebody was told by direct message."""
    return "\n".join(x.message.text for x in console.world.posts if x.channel == f"@{name}")


def handle(said: list[str]) -> str:
    found = re.search(r"(?:SEC|BUG)-\d+", " ".join(said))
    assert found
    return found.group()


@pytest.mark.parametrize("named", ["com.github.example.remind", "COM.github.example.REMIND", "remind", "MB-1"])
def test_a_copy_with_the_id_of_a_listed_plugin_brings_no_news_of_its_cases(console: Console, named: str) -> None:
    say(console, LISTED, f"@mallory: /mb submit {FORK} v6.6.6")
    said = say(console, f"@sam: /mb file {named} high {SECRET}")
    assert SECRET not in to(console, "mallory")
    assert SECRET in to(console, "olive")
    assert "Of MB-1, handed in by mallory and not listed, I told nobody" in "\n".join(said)
    assert "I know no case" in "\n".join(say(console, f"@mallory: /mb case {handle(said)}"))


@pytest.mark.parametrize("named", ["com.github.example.remind", "remind"])
def test_whoever_hands_in_an_update_of_somebody_elses_plugin_learns_nothing_of_its_cases(
    console: Console, named: str
) -> None:
    say(console, LISTED, f"@mallory: /mb submit {REMIND} v1.0.1")
    say(console, f"@sam: /mb file {named} high {SECRET}")
    assert SECRET not in to(console, "mallory")
    assert SECRET in to(console, "olive")


def test_a_ticket_that_a_stranger_names_in_a_report_tells_its_people_nothing_until_the_team_names_it(
    console: Console,
) -> None:
    say(console, LISTED, f"@mallory: /mb submit {REMIND} v1.0.1")
    first, other = (handle(say(console, f"@eve: /mb vulnerability MB-1 {SECRET}")) for _ in range(2))
    say(console, f"@sam: /mb accept {first} high")
    assert SECRET not in to(console, "mallory")
    say(console, f"@sam: /mb accept {other} high MB-1")
    assert SECRET in to(console, "mallory")


def test_the_team_names_the_ticket_of_a_listed_plugin_by_its_number(console: Console) -> None:
    say(console, LISTED, f"@sue: /mb submit {REMIND} v1.0.1")
    assert SECRET not in to(console, "sue")
    say(console, f"@sam: /mb file MB-1 high {SECRET}")
    assert SECRET in to(console, "sue")


def test_where_several_plugins_are_called_the_same_the_team_is_asked_which(console: Console, store: Store) -> None:
    copy = f"{FORK} v6.6.6 6666666 com.mallory.remind Remind 6.6.6"
    say(console, f":repo {copy}", f"@sue: /mb submit {REMIND} v1.0.0", f"@mallory: /mb submit {FORK} v6.6.6")
    said = "\n".join(say(console, f"@sam: /mb file remind high {SECRET}"))
    assert "Several plugins are called `remind`: `MB-1` and `MB-2`." in said or "`MB-2` and `MB-1`" in said
    assert not cases.open_cases(store)
    reported = say(console, f"@eve: /mb vulnerability remind {SECRET}")
    case = cases.case(store, handle(reported))
    assert case
    assert (case.about.name, case.about.ticket) == ("remind", 0)
    say(
        console,
        f":listed {REMIND} com.github.example.remind Remind 1.0.0",
        f":listed {FORK} com.mallory.remind Remind 1",
    )
    assert "Several plugins are called" in "\n".join(say(console, f"@sam: /mb file remind high {SECRET}"))
    assert SECRET not in to(console, "mallory") + to(console, "sue")


def filed(console: Console, *, severity: str = "high") -> str:
    """A case about a plugin that sue handed in and olive owns."""
    say(console, f"@sue: /mb submit {REMIND} v1.0.0", "@olive: /mb claim MB-1 owner")
    return handle(say(console, f"@sam: /mb file MB-1 {severity} {SECRET}"))


def test_a_button_confirms_what_stood_beside_it_and_not_what_was_asked_for_later(
    console: Console, store: Store
) -> None:
    ref = filed(console)
    say(console, f"@sam: /mb takedown {ref} version 1.0.0 soon", f"@sam: /mb takedown {ref} plugin now")
    old = "!click Confirm the takedown on version"
    refused = "\n".join(say(console, f"@rosa: {old}"))
    assert "sam asks for another takedown by now: **Remind**." in refused
    assert SECRET not in refused
    assert "now" not in refused.split("Remind")[1]
    case = cases.case(store, ref)
    assert case
    assert case.stage == "open"
    say(console, f"@rosa: /mb confirm {ref} plugin")
    case = cases.case(store, ref)
    assert case
    assert case.stage == "taken down"


TO_LISTED = (
    "@olive: /mb request {0}", "@pam: /mb approve {0} --all", "@dana: /mb approve {0} --all", "@sam: /mb approve {0} --all",
    "@tom: /mb approve {0} --all", "@olive: /mb done {0} merged", "@rosa: /mb done {0} cut", "@olive: /mb done {0} listing https://example.com/1",
    "@dana: /mb approve {0} --listing", "@tom: /mb approve {0} --listing", "@olive: /mb done {0} listed",
)  # fmt: skip
"""A ticket's way into the Marketplace."""


def test_who_lists_what_was_taken_down_is_told_no_more_than_that(console: Console) -> None:
    ref = filed(console)
    say(console, *(x.format("MB-1") for x in TO_LISTED), f"@sam: /mb takedown {ref} plugin {SECRET}")
    say(console, f"@rosa: /mb confirm {ref}", f"@rosa: /mb removed {ref}")
    say(console, f"@sue: /mb submit {REMIND} v1.0.1", *(x.format("MB-2") for x in TO_LISTED[:7]))
    assert "MB-2" in "\n".join(say(console, "@olive: /mb assign MB-2 owner @ole"))
    for state in ("", f"@sam: /mb fixed {ref}"):
        say(console, *([state] if state else []))
        told = "\n".join(say(console, "@ole: /mb done MB-2 listing https://example.com/2"))
        assert "can't be listed: it was taken down on 9 Nov. The security team says when it may come back" in told
        assert ref not in told
        assert ref in "\n".join(
            say(
                console,
                "@sam: /mb done MB-2 listing https://example.com/2",
                "@olive: /mb done MB-2 listing https://example.com/2",
            )
        )


def test_what_is_listed_already_or_over_is_no_fix_so_it_stops_no_reminder(console: Console, store: Store) -> None:
    ref = filed(console)
    say(console, *(x.format("MB-1") for x in TO_LISTED))
    later = handle(say(console, ":time +1m", f"@sam: /mb file MB-1 high {SECRET}"))
    assert f"was in the Marketplace before {later} was filed" in "\n".join(say(console, f"@sue: /mb fix {later} MB-1"))
    assert "Noted for" in "\n".join(say(console, f"@sue: /mb fix {ref} MB-1"))  # it was listed after this one was filed
    say(console, f"@sue: /mb submit {REMIND} v1.0.1", "@sue: /mb withdraw MB-2 no")
    assert "MB-2 is over" in "\n".join(say(console, f"@sue: /mb fix {later} MB-2"))
    case = cases.case(store, later)
    assert case
    assert not case.fixes


def test_more_time_ends_within_a_year(console: Console) -> None:
    ref = filed(console)
    for day in ("9999-12-31", "2027-12-01"):
        assert "more than a year ahead" in "\n".join(say(console, f"@sam: /mb extend {ref} {day} why"))
    assert "ends **Mon 8 Nov 2027" in "\n".join(say(console, f"@sam: /mb extend {ref} 2027-11-08 why"))


def test_nobody_says_of_their_own_plugin_that_it_was_removed(console: Console, store: Store) -> None:
    say(console, f"@olive: /mb submit {REMIND} v1.0.0")  # olive is the default owner, and hears of it as such, too
    ref = handle(say(console, f"@sam: /mb file MB-1 high {SECRET}"))
    say(console, f"@sam: /mb takedown {ref} plugin why", f"@rosa: /mb confirm {ref}")
    assert "so somebody else decides" in "\n".join(say(console, f"@olive: /mb removed {ref}"))
    case = cases.case(store, ref)
    assert case
    assert case.removing


def test_ten_reports_of_one_person_may_wait_and_the_next_one_is_not_taken(console: Console, store: Store) -> None:
    refs = [handle(say(console, f"@eve: /mb vulnerability {SECRET} {n}")) for n in range(10)]
    said = "\n".join(say(console, f"@eve: /mb vulnerability {SECRET} eleven"))
    assert "10 reports of yours wait for an answer" in said
    assert len(cases.open_cases(store)) == 10
    say(console, f"@sam: /mb decline {refs[0]} no")
    assert "Thank you" in "\n".join(say(console, f"@eve: /mb vulnerability {SECRET} eleven"))
    assert "Thank you" in "\n".join(say(console, f"@otto: /mb vulnerability {SECRET} of somebody else"))


def test_however_many_reports_there_are_no_answer_drowns_in_them(console: Console, store: Store) -> None:
    ref = filed(console)
    with store.transaction():
        for n in range(300):
            fact = c.Reported(what="vulnerability", about=c.About(name="x"), text="y", by=f"id-{n % 40}", at=MONDAY - n)
            cases.save(store, cases.new_case(store, "vulnerability").plus(fact), "event")
    for line in ("queue", "report", "cases"):
        said = "\n".join(say(console, f"@sam: /mb {line}"))
        assert len({*re.findall(r"SEC-\d+", said)}) <= 25, line
        assert len(said) < 6_000
        assert line != "report" or ref in said  # what is filed comes before what was merely reported
    assert "(1 to 1 of 1)" in "\n".join(say(console, "@sue: /mb cases"))


def test_whoever_may_know_of_no_case_waits_for_none_to_be_read(console: Console, store: Store) -> None:
    with store.transaction():
        for n in range(50):
            fact = c.Reported(what="vulnerability", about=c.About(name="x"), text="y", by="id-eve", at=MONDAY + n)
            cases.save(store, cases.new_case(store, "vulnerability").plus(fact), "event")
    read: list[str] = []
    store.connection.set_trace_callback(read.append)
    say(console, "@mallory: /mb cases", "@mallory: /mb queue", "@ada: /mb report")
    store.connection.set_trace_callback(None)
    assert read
    assert not [x for x in read if "FROM case_fact" in x]


def test_the_team_hears_who_became_owner_or_maintainer_and_so_was_told(console: Console) -> None:
    ref = filed(console)
    said = "\n".join(
        say(console, "@otto: /mb queue", ":zone otto UTC", "@ada: /mb edit MB-1 maintainers @sue @otto", ":time +1m")
    )
    assert SECRET in to(console, "otto")
    assert f"in thread of {ref}: otto is owner or maintainer of MB-1 by now, and was told of it." in said
    say(console, "@ole: /mb assign MB-1 owner @ole", ":time +1m")
    posts = [x.message.text for x in console.world.posts if x.channel == "security"]
    assert "ole is owner or maintainer of MB-1 by now, and was told of it." in posts


def test_a_new_default_owner_is_told_at_once_of_a_case_that_has_no_other(console: Console) -> None:
    say(console, f"@sam: /mb file com.example.unknown high {SECRET}", "@ada: /mb people default-owner @ole")
    assert SECRET in to(console, "ole")


def test_what_waited_is_not_told_to_somebody_whom_it_does_not_concern_any_more(console: Console, store: Store) -> None:
    ref = filed(console)
    with store.transaction():
        body = outbox.dump_message(Message("okapi"))
        for person in ("id-sue", "id-otto"):
            outbox.add(store, "say", MONDAY, subject=f"case:{ref}", body=body, person=person)
    say(console, ":time +1m")
    assert "okapi" in to(console, "sue")
    assert "okapi" not in to(console, "otto")


def test_when_the_private_channel_cannot_be_reached_each_of_the_team_is_told_by_direct_message(
    console: Console, store: Store
) -> None:
    console.settle({**ROLES, "security": ("sam", "sandra")})
    ref = filed(console)
    row = outbox.post_of(store, f"case:{ref}")
    assert row
    for _ in range(3):
        console.app.give_up(row, "can_not_post_to_deleted", "400")
        say(console, "@ada: /mb people")
    for name in ("sam", "sandra"):
        told = to(console, name)
        assert told.count("I can't post in the security team's channel, so I write to you.") == 1
        assert f"**{ref} Remind**, high vulnerability: The time for a fix ends" in told
    assert ref not in to(console, "ada")
