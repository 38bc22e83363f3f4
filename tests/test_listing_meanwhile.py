"""An entry on its way into the listing, and what comes between: it does not get there, or whoever has to undo it knows."""

import re

import pytest
from test_cut_attacks import FORK, ID, OWN, REMIND, approved, console, last, say, store

from mmbot.console import Console
from mmbot.events import EntryMade, Event, Where
from mmbot.store import outbox
from mmbot.store.database import Store
from mmbot.terminal import ROLES

__all__ = ["console", "store"]
PULL = "https://github.com/mattermost/mattermost-marketplace/pull/7"


def made(console: Console, store: Store, **what: str) -> str:
    """The entry was being written; what is said when it is."""
    (row,) = (x for x in outbox.due_steps(store, console.app.now() + 86_400_000, (), 10) if x.subject == "list")
    rosa = store.person_named("rosa")
    assert rosa
    happened = EntryMade.model_validate({"cut": last(store, 2).number, "by": rosa.id, **what})
    console.app.take_in(Event(f"do:{row.key}", "", console.app.now(), Where("mmbot"), happened), row)
    return say(console, ":time +1m")


def update_on_its_way(console: Console) -> str:
    """An update is cut and its entry asked for, beside a case about the version that is listed; the case's handle."""
    approved(console)
    say(
        console,
        "@rosa: /mb cutplugin MB-1",
        "@rosa: /mb list MB-1",
        "@dana: /mb approve MB-1 --listing",
        "@quinn: /mb approve MB-1 --listing",
        "@olive: /mb done MB-1 listed",
        f":listed {REMIND} {ID} Remind 1.0.0",
        f":repo {REMIND} v1.0.1 81d0e44 {ID} Remind 1.0.1 tree=two",
        f":repo {FORK} v1.0.1 99cc99c {ID} Remind 1.0.1 tree=two",
        f"@sue: /mb submit {REMIND} v1.0.1",
        "@olive: /mb request MB-2",
        *(f"@{who}: /mb approve MB-2 --all" for who in ("pam", "dana", "sam", "quinn")),
        f"@olive: /mb done MB-2 pull-request {FORK}/pull/2",
        f"@olive: /mb done MB-2 merged {FORK}/commit/99cc99c",
        "@rosa: /mb cutplugin MB-2",
        ":cut list waits",
        "@rosa: /mb list MB-2",
    )
    case = re.search(r"SEC-\d+", say(console, "@sam: /mb file MB-1 high anybody can read all reminders"))
    assert case
    return case[0]


def filed(console: Console) -> str:
    """A case about a plugin that is listed; its handle."""
    case = re.search(
        r"SEC-\d+", say(console, f":listed {FORK} {ID} Remind 1.0.0", f"@sam: /mb file {ID} high it leaks")
    )
    assert case
    return case[0]


def taken_down(console: Console, case: str, what: str = "plugin") -> str:
    return say(console, f"@sam: /mb takedown {case} {what} nobody answers", f"@rosa: /mb confirm {case}")


def test_what_is_taken_down_while_its_entry_waits_is_not_listed(console: Console) -> None:
    taken_down(console, update_on_its_way(console))
    said = say(console, ":cut list goes on", ":time +1h")
    assert "mmbot to @rosa: The entry of **mattermost-plugin-remind v1.0.1** is not made any more" in said
    assert "stands in the listing's file" not in said
    assert console.workshop.shelf.db.entries == ()


def test_an_entry_that_was_just_being_written_is_taken_out_again(console: Console, store: Store) -> None:
    taken_down(console, update_on_its_way(console))
    said = made(console, store, written="file")
    assert "stands in the listing's file by now, and must not be published: please take it out again" in said
    assert "mmbot in thread of MB-2" not in said
    assert len(re.findall(r"to @\w+: rosa decided a takedown\. Please take .* out of the listing", said)) == 3
    assert "merge the listing" not in say(console, "@olive: /mb next MB-2")


def test_who_takes_a_plugin_out_hears_of_the_pull_request_that_would_bring_it_back(
    console: Console, store: Store
) -> None:
    case = update_on_its_way(console)
    assert "is proposed by rosa" in made(console, store, written="pull-request", link=PULL)
    said = taken_down(console, case)
    assert said.count("Close what would bring it back: pull request.") == 4
    assert (
        "mmbot in thread of MB-2: The plugin was taken down from the Marketplace, so the entry of **MB-2** is not to be published"
        in said
    )
    said = say(
        console, "@dana: /mb approve MB-2 --listing", "@quinn: /mb approve MB-2 --listing", "@olive: /mb next MB-2"
    )
    assert "merge the listing" not in said


def test_another_version_that_is_taken_down_holds_nothing(console: Console, store: Store) -> None:
    case = update_on_its_way(console)
    made(console, store, written="pull-request", link=PULL)
    assert "Close what would bring it back" not in taken_down(console, case, "version 1.0.0")
    assert "merge the listing" in say(
        console, "@dana: /mb approve MB-2 --listing", "@quinn: /mb approve MB-2 --listing", "@olive: /mb next MB-2"
    )


def test_a_ticket_that_is_closed_has_its_pull_request_closed(console: Console, store: Store) -> None:
    update_on_its_way(console)
    made(console, store, written="pull-request", link=PULL)
    said = say(console, "@olive: /mb reject MB-2 it has a trojan")
    closed = "mmbot to @rosa: **MB-2 Remind 1.0.1** is closed, and its entry must not be published: please close what was proposed"
    assert f"{closed}: pull request." in said


@pytest.mark.parametrize("why", ["rejected", "cut anew", "no release user"])
def test_an_entry_is_not_made_of_what_does_not_count_any_more(console: Console, why: str) -> None:
    update_on_its_way(console)
    match why:
        case "rejected":
            say(console, "@olive: /mb reject MB-2 it has a trojan")
            expected = "can't be listed. **Rejected**"
        case "cut anew":
            say(console, "@rosa: /mb cutplugin MB-2 --force the icon was missing")
            expected = "It was cut anew since (cut 3)"
        case _:
            console.settle({**ROLES, "release": ("kim",)})
            expected = "rosa is no release user any more"
    assert expected in say(console, ":cut list goes on", ":time +10m")


def test_a_takedown_that_is_called_off_is_not_carried_out(console: Console) -> None:
    case = filed(console)
    say(console, ":cut unlist waits")
    taken_down(console, case)
    said = say(console, f"@sam: /mb close {case} it was a false alarm", ":cut unlist goes on", ":time +1h")
    assert sorted(re.findall(r"to @(\w+): The takedown of \*\*Remind\*\* \(SEC-\d+\) is called off: sam closed the case", said)) == [
        "kim", "olive", "rosa",
    ]  # fmt: skip
    assert len(console.workshop.shelf.db.entries) == 1


def test_a_version_that_is_not_listed_is_not_said_to_be_taken_out(console: Console) -> None:
    case = filed(console)
    said = taken_down(console, case, "version 9.9.9")
    assert "The listing's file does not have `9.9.9`, or not any more; it has `1.0.0`. Was that version meant?" in said


def test_a_server_that_is_no_whole_version_is_not_taken_for_the_reason(console: Console) -> None:
    case = filed(console)
    for server in ("7.1", "v7", "onprem"):
        assert "From which server on?" in say(console, f"@sam: /mb takedown {case} restriction {server} it leaks")
    assert "asked for" in say(console, f"@sam: /mb takedown {case} restriction 7.1.0 it leaks")


def proposed(console: Console, store: Store) -> str:
    """An update whose entry is proposed; the handle of the case beside it."""
    case = update_on_its_way(console)
    made(console, store, written="pull-request", link=PULL)
    say(console, ":cut list goes on")
    return case


def to_be_merged(console: Console) -> bool:
    """Whether somebody is told to merge the entry of the update."""
    said = say(
        console, "@dana: /mb approve MB-2 --listing", "@quinn: /mb approve MB-2 --listing", "@olive: /mb next MB-2"
    )
    return "merge the listing" in said


def test_a_ticket_that_was_closed_begins_with_its_entry_anew(console: Console, store: Store) -> None:
    proposed(console, store)
    say(console, "@olive: /mb reject MB-2 it has a trojan", "@olive: /mb reopen MB-2 it has none")
    assert not to_be_merged(console)
    assert "by rosa" in say(console, "@rosa: /mb list MB-2")


def test_what_was_closed_before_a_takedown_is_closed_with_it(console: Console, store: Store) -> None:
    case = proposed(console, store)
    say(console, "@olive: /mb reject MB-2 it has a trojan")
    assert "Close what would bring it back: pull request." in taken_down(console, case)
    say(console, "@olive: /mb reopen MB-2 it has none")
    assert not to_be_merged(console)


@pytest.mark.parametrize("again", ["notfixed SEC it leaks still", "resume SEC it leaks still"])
def test_a_fix_that_is_none_does_not_come_into_the_listing(console: Console, store: Store, again: str) -> None:
    case = update_on_its_way(console)
    taken_down(console, case)
    say(console, f"@rosa: /mb removed {case}", f"@sam: /mb fix {case} MB-2", f"@sam: /mb fixed {case}")
    made(console, store, written="pull-request", link=PULL)
    said = say(console, f"@sam: /mb {again.replace('SEC', case)}")
    assert "mmbot to @rosa: What was taken down" in said
    assert "please close what was proposed: pull request." in said
    assert "mmbot in thread of MB-2: The plugin was taken down from the Marketplace, so the entry" in said
    assert not to_be_merged(console)


def test_a_takedown_that_goes_on_is_carried_out_after_all(console: Console) -> None:
    case = filed(console)
    say(console, ":cut unlist waits")
    taken_down(console, case)
    say(console, f"@sam: /mb close {case} it was a false alarm", ":cut unlist goes on", ":time +1h")
    assert "decided a takedown. Please take **Remind**" in say(console, f"@sam: /mb resume {case} it was none")
    assert console.workshop.shelf.db.entries == ()


def test_what_a_takedown_that_is_called_off_held_may_go_on(console: Console, store: Store) -> None:
    case = proposed(console, store)
    taken_down(console, case)
    said = say(console, f"@sam: /mb close {case} it was a false alarm")
    assert said.count("MB-1 ended with it: `/mb reopen MB-1 WHY` brings it back.") == 3
    assert "open again" in say(console, "@olive: /mb reopen MB-1 it was a false alarm")
    assert "by rosa" in say(console, "@rosa: /mb list MB-2")


@pytest.mark.parametrize("way", ["cut anew", "being cut anew", "by hand"])
def test_all_that_was_proposed_is_to_be_closed(console: Console, store: Store, way: str) -> None:
    case = update_on_its_way(console)
    if way == "by hand":
        say(console, ":cut list fails it is not to be had", ":cut list goes on", "@olive: /mb undone MB-2 listing")
        say(console, f"@olive: /mb done MB-2 listing {PULL}")
    else:
        made(console, store, written="pull-request", link=PULL)
        if way == "being cut anew":
            say(console, ":cut obtain waits")
        say(console, "@rosa: /mb cutplugin MB-2 --force the icon was missing")
    assert "please close what was proposed: pull request." in say(console, "@olive: /mb reject MB-2 it has a trojan")
    assert "Close what would bring it back: pull request." in taken_down(console, case) or way == "by hand"


def test_an_entry_of_somebody_who_lost_the_role_is_the_others_to_undo(console: Console, store: Store) -> None:
    update_on_its_way(console)
    console.settle({**ROLES, "release": ("kim",)})
    said = made(console, store, written="file")
    assert "mmbot to @kim: The entry of **mattermost-plugin-remind v1.0.1** stands in the listing's file by now" in said
    assert "mmbot to @rosa" not in said


def test_an_entry_that_is_written_late_does_not_end_the_cut_that_replaces_it(console: Console, store: Store) -> None:
    update_on_its_way(console)
    say(console, ":cut obtain waits", "@rosa: /mb cutplugin MB-2 --force the icon was missing")
    assert "It was cut anew since (cut 3)" in made(console, store, written="file")
    say(console, ":cut obtain goes on", ":time +10m")
    assert last(store, 3).state == "done"


def test_a_late_removal_does_not_take_the_fix_out(console: Console, store: Store) -> None:
    case = update_on_its_way(console)
    say(console, ":cut unlist waits")
    taken_down(console, case)
    say(console, f"@sam: /mb fix {case} MB-2", f"@sam: /mb fixed {case}")
    said = made(console, store, written="file") + say(console, ":cut unlist goes on", ":time +10m")
    assert "stands in the listing's file" in said
    assert "I could not prepare that: a newer entry of it is on its way into the listing, or there already." in said
    assert "Close what would bring it back" not in said


@pytest.mark.parametrize("why", ["14 days are over", "3 customers lost data", "v8 leaks memory"])
def test_a_reason_may_begin_with_a_number(console: Console, why: str) -> None:
    case = filed(console)
    said = say(console, f"@sam: /mb takedown {case} restriction {why}")
    assert ("asked for" in said) != why.startswith("v8")


def test_a_case_that_is_fixed_ends_with_its_takedown(console: Console) -> None:
    case = filed(console)
    say(console, ":cut unlist waits")
    taken_down(console, case)
    say(console, f"@sam: /mb fix {case} https://example.com/fix", f"@sam: /mb fixed {case}")
    assert f"`/mb removed {case} LINK`" in say(console, f"@sam: /mb close {case} it is over")
    said = say(console, ":cut unlist goes on", ":time +1h")
    assert "mmbot to @rosa: rosa decided a takedown" in said
    assert "shows the takedown" in say(console, f"@rosa: /mb removed {case}")


def test_a_takedown_that_was_carried_out_outlives_another_that_is_called_off(console: Console) -> None:
    case = update_on_its_way(console)
    say(console, ":cut list goes on")
    taken_down(console, case, "version 1.0.0")
    say(console, f"@rosa: /mb removed {case}", f"@sam: /mb fix {case} MB-2", f"@sam: /mb fixed {case}")
    say(console, f"@sam: /mb notfixed {case} it leaks still")
    taken_down(console, case)
    assert "MB-1 ended with it" not in say(console, f"@sam: /mb close {case} it was a false alarm")
    assert "open again" not in say(console, "@olive: /mb reopen MB-1 it was a false alarm")


def test_of_two_takedowns_one_stands_when_the_other_is_called_off(console: Console) -> None:
    case = update_on_its_way(console)
    other = re.search(r"SEC-\d+", say(console, "@sam: /mb file MB-1 high it leaks"))
    assert other
    taken_down(console, case)
    taken_down(console, other[0])
    said = say(console, f"@sam: /mb close {case} it was a false alarm")
    assert said.count("But another takedown of it stands: please leave it out of the listing.") == 3
    assert "put that back" not in said
    assert "open again" not in say(console, "@olive: /mb reopen MB-1 it was a false alarm")


def test_what_was_taken_down_for_good_does_not_come_back_beside_its_fix(console: Console) -> None:
    case = update_on_its_way(console)
    taken_down(console, case)
    say(
        console,
        f"@rosa: /mb removed {case}",
        f"@sam: /mb fix {case} MB-2",
        f"@sam: /mb fixed {case}",
        ":cut list goes on",
        ":time +1h",
    )
    say(console, "@rosa: /mb list MB-2", "@dana: /mb approve MB-2 --listing", "@quinn: /mb approve MB-2 --listing")
    assert "mmbot in thread of MB-2" in say(console, "@olive: /mb done MB-2 listed")
    say(console, f"@sam: /mb notfixed {case} it leaks still")
    assert "open again" not in say(console, "@olive: /mb reopen MB-1 why not")


def test_whoever_says_that_a_fix_is_none_and_changes_the_listing_reads_what_to_undo(
    console: Console, store: Store
) -> None:
    case = proposed(console, store)
    taken_down(console, case)
    say(console, f"@rosa: /mb removed {case}", f"@sam: /mb fix {case} MB-2", f"@sam: /mb fixed {case}", ":time +1h")
    made_again = say(console, "@rosa: /mb list MB-2")
    console.settle({**ROLES, "release": ("sam",)})
    said = say(console, f"@sam: /mb notfixed {case} it leaks still")
    assert "by rosa" in made_again
    assert re.search(r"mmbot \(only @sam\): .*not fixed.*\n +What was taken down", said)
    assert f"mmbot in thread of {case}: What was taken down" in said


def own_on_its_way(console: Console, store: Store, version: str = "1.0.0", **what: str) -> str:
    """The entry of the organisation's own plugin was made, or proposed; what is said of it."""
    say(console, f":repo {OWN} v{version} 5ec5ec5 jira Jira {version}", ":cut list waits")
    own = f"--repo mattermost-plugin-jira --tag v{version}"
    say(console, f"@rosa: /mb cutplugin {own}", f"@rosa: /mb list {own} --official")
    (row,) = (x for x in outbox.due_steps(store, console.app.now() + 86_400_000, (), 10) if x.subject == "list")
    rosa = store.person_named("rosa")
    assert rosa
    happened = EntryMade.model_validate({"cut": 1, "by": rosa.id, **what})
    console.app.take_in(Event(f"do:{row.key}", "", console.app.now(), Where("mmbot"), happened), row)
    return say(console, ":time +1m")


@pytest.mark.parametrize("link", [PULL, ""])
def test_an_own_plugins_pull_request_is_to_be_closed(console: Console, store: Store, link: str) -> None:
    say(console, f":listed {OWN} jira Jira 0.9.0")
    own_on_its_way(console, store, written="pull-request" if link else "file", link=link)
    case = re.search(r"SEC-\d+", say(console, "@sam: /mb file jira high it leaks"))
    assert case
    assert ("Close what would bring it back: pull request." in taken_down(console, case[0])) == bool(link)


@pytest.mark.parametrize(
    ("link", "undo"), [(PULL, "close what was proposed: pull request."), ("", "take it out of the listing's file")]
)
def test_an_own_plugins_fix_that_is_none_is_to_be_undone(console: Console, store: Store, link: str, undo: str) -> None:
    say(console, f":listed {OWN} jira Jira 0.9.0")
    case = re.search(r"SEC-\d+", say(console, "@sam: /mb file jira high it leaks"))
    assert case
    taken_down(console, case[0])
    say(
        console,
        f"@rosa: /mb removed {case[0]}",
        f"@sam: /mb fix {case[0]} https://example.com/fix",
        f"@sam: /mb fixed {case[0]}",
        ":time +1m",
    )
    own_on_its_way(console, store, written="pull-request" if link else "file", link=link)
    said = say(console, f"@sam: /mb notfixed {case[0]} it leaks still")
    assert re.search(rf"to @rosa: What was taken down .* is on its way: please {re.escape(undo)}", said)


def test_a_takedown_of_another_version_does_not_keep_all_out(console: Console) -> None:
    case = update_on_its_way(console)
    other = re.search(r"SEC-\d+", say(console, "@sam: /mb file MB-1 high it leaks"))
    assert other
    taken_down(console, case)
    taken_down(console, other[0], "version 0.9.0")
    assert "please put that back" in say(console, f"@sam: /mb close {case} it was a false alarm")
