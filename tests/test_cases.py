"""Cases in the store and in the outbox: their handles, who reads of them, and what happens when a message does not get through."""

import itertools
import re
from pathlib import Path

import pytest
from at_the_console import MONDAY, REMIND, say
from structlog.testing import capture_logs

from mmbot import policy
from mmbot.commands import WORDS
from mmbot.console import Console
from mmbot.domain import case_facts as c
from mmbot.domain.deadlines import DAY
from mmbot.events import CASES
from mmbot.handlers import subjects
from mmbot.messages import Message
from mmbot.store import cases, due, outbox
from mmbot.store.database import Store
from mmbot.terminal import ROLES

ABOUT = c.About(name="Remind")


@pytest.fixture
def console(store: Store) -> Console:
    made = Console(store, store.policy, MONDAY)
    made.settle(ROLES)
    say(
        made,
        f":repo {REMIND} v1.0.0 3f9c2ab com.github.example.remind Remind 1.0.0",
        f"@sue: /mb submit {REMIND} v1.0.0",
    )
    return made


def begun(store: Store, number: int) -> str:
    case = cases.new_case(store, "vulnerability")
    fact = c.Reported(what="vulnerability", about=ABOUT, text="?", by="id-eve", at=MONDAY + number)
    return cases.save(store, case.plus(fact), "event").handle


def test_a_handle_tells_nothing_of_how_many_there_are_and_grows_before_they_run_out(store: Store) -> None:
    with store.transaction():
        handles = [begun(store, n) for n in range(4_600)]
    assert len({*handles}) == 4_600
    assert {len(x) for x in handles[:4_500]} == {len("SEC-1234")}
    assert {len(x) for x in handles[4_500:]} == {len("SEC-12345")}
    numbers = [int(x.removeprefix("SEC-")) for x in handles[:50]]
    assert numbers not in (sorted(numbers), sorted(numbers, reverse=True))
    assert (
        sum(abs(a - b) == 1 for a, b in itertools.pairwise(numbers)) < 5
    )  # one in a hundred times there is a pair by chance


def test_two_stores_call_their_first_case_differently(tmp_path: Path) -> None:
    found = set()
    for n in range(4):
        other = Store(tmp_path / f"{n}.db", policy.load())
        with other.transaction():
            found.add(begun(other, 1))
        other.close()
    assert len(found) > 1


def test_bugs_are_numbered_as_they_come(store: Store) -> None:
    for number in (1, 2):
        case = cases.new_case(store, "bug")
        assert case.handle == f"BUG-{number}"
        with store.transaction():
            cases.save(store, case.plus(c.Filed(what="bug", about=ABOUT, severity="high", at=MONDAY)), "event")


def test_every_open_case_is_looked_at_when_the_bot_starts(console: Console, store: Store) -> None:
    say(
        console, "@sam: /mb file MB-1 high a hole", "@sam: /mb file MB-1 low another", "@sam: /mb file MB-1 bug a third"
    )
    assert due.of(store, "case:BUG-1") == MONDAY + 7 * DAY
    cases.look_at_all(store, MONDAY + DAY)
    assert [due.of(store, f"case:{x}") for x in cases.open_cases(store)] == [MONDAY + DAY] * 3


def test_the_case_knows_who_was_not_reached(console: Console, store: Store) -> None:
    say(console, "@ada: /mb people")  # nothing is on its way
    with store.transaction():
        outbox.add(store, "say", MONDAY, subject="case:SEC-1", body=outbox.dump_message(Message("?")), person="id-sue")
    handle = re.findall(r"SEC-\d+", " ".join(say(console, "@sam: /mb file MB-1 high a hole")))[0]
    with store.transaction():
        outbox.add(
            store, "say", MONDAY, subject=f"case:{handle}", body=outbox.dump_message(Message("?")), person="id-sue"
        )
    row = outbox.due(store, MONDAY)[-1]
    console.app.give_up(row, "403", "403")
    said = "\n".join(say(console, ":time +1m"))
    assert "**Not reached**: sue." in said
    assert "What I wrote to **sue** about" in said
    assert "**Not reached**: sue." in "\n".join(say(console, f"@sam: /mb case {handle}"))


def clock_says(store: Store, handle: str, now: int) -> str:
    """What the clock's last notice to sue would say, if it were sent at a moment only."""
    row = outbox.row(
        store, store.query("SELECT max(id) AS n FROM outbox WHERE subject = ?", f"clock:{handle}:id-sue")[0]["n"]
    )
    assert row
    with store.transaction():  # as if it had not gone out yet
        store.execute("UPDATE outbox SET shown = '' WHERE subject = ?", row.subject)
    rendered = subjects.render(store, row, now)
    return rendered[0].text if rendered else ""


def test_a_notice_that_the_server_took_late_says_what_is_true_then(console: Console, store: Store) -> None:
    handle = re.findall(r"SEC-\d+", " ".join(say(console, "@sam: /mb file MB-1 high a hole")))[0]
    say(console, ":time +7d")
    assert "**7 days left**" in clock_says(store, handle, MONDAY + 7 * DAY)
    assert "**5 days left**" in clock_says(store, handle, MONDAY + 9 * DAY)
    assert "**40 minutes left**" in clock_says(store, handle, MONDAY + 14 * DAY - 40 * 60_000)
    assert clock_says(store, handle, MONDAY + 14 * DAY) == ""  # its end is told by itself
    say(console, ":time +7d")
    assert "ended just now" in clock_says(store, handle, MONDAY + 14 * DAY)
    assert "ended 5 hours ago" in clock_says(store, handle, MONDAY + 14 * DAY + 5 * 3_600_000)
    assert "ended 1 day ago" in clock_says(store, handle, MONDAY + 15 * DAY)
    say(console, f"@sue: /mb fix {handle} https://example.com/1")
    assert clock_says(store, handle, MONDAY + 15 * DAY) == ""  # it waits for us now


def test_a_fix_whose_ticket_was_closed_is_none(console: Console) -> None:
    handle = re.findall(r"SEC-\d+", " ".join(say(console, "@sam: /mb file MB-1 high a hole")))[0]
    say(console, f"@sue: /mb fix {handle} MB-1", "@sue: /mb withdraw MB-1")
    said = "\n".join(say(console, ":time +7d"))
    closed = "MB-1, handed in as a fix on 9 Nov, is closed. No other fix is submitted."
    assert (
        f"mmbot to @olive: **7 days left** for a fix of **{handle} Remind**: until **Mon 23 Nov 2026, 10:00 UTC**. {closed}"
        in said
    )
    assert "MB-1 is closed; I know of no other fix." in said


def test_after_the_end_nobody_reads_that_the_time_ends(console: Console) -> None:
    handle = re.findall(r"SEC-\d+", " ".join(say(console, "@sam: /mb file MB-1 high a hole")))[0]
    said = say(console, ":time +15d", f"@sue: /mb fix {handle} MB-1")
    assert "please take your next step with it first, which was due 12 Nov." in "\n".join(said)
    said = say(console, f"@sam: /mb notfixed {handle} it is still there")
    assert "The time for a fix ended **Mon 23 Nov 2026, 10:00 UTC**; a decision is due." in "\n".join(said)
    assert not any("time for a fix ends" in x for x in said)


def test_a_clock_that_was_wrong_for_a_while_silences_no_case(console: Console, store: Store) -> None:
    handle = re.findall(r"SEC-\d+", " ".join(say(console, "@sam: /mb file MB-1 high a hole")))[0]
    assert "ended just now" in "\n".join(say(console, ":time +14d"))
    console.world.at = MONDAY + 2 * DAY
    cases.look_at_all(store, console.world.at)  # as at each start
    assert "**7 days left**" in "\n".join(say(console, ":time 2026-11-16 10:00"))
    assert "ended just now" in "\n".join(say(console, ":time 2026-11-23 10:00"))
    assert handle


def test_a_new_default_owner_is_told_at_once_of_the_cases_without_a_ticket(console: Console) -> None:
    say(console, ":role @ole owner", "@sam: /mb file com.example.else high a hole")
    assert "mmbot to @ole: sam filed **SEC-" in "\n".join(say(console, "@ada: /mb people default-owner @ole"))


def test_whoever_came_to_another_time_zone_is_told_rather_earlier_than_later(console: Console) -> None:
    say(
        console, ":zone @sue UTC", ":time 2026-11-11 02:00", "@sam: /mb file MB-1 high a hole", ":time 2026-11-19 12:00"
    )
    said = "\n".join(say(console, ":zone @sue Australia/Sydney", ":time 2026-11-20 12:00"))
    assert "mmbot to @sue: **5 days left**" in said  # three days before the end it is Sunday


WAYS = {
    "accept": "low", "decline": "why", "severity": "low why", "fix": "MB-1", "notfixed": "why", "extend": "2027-01-01 why",
    "takedown": "plugin why", "close": "why", "resume": "why",
}  # fmt: skip
OF_A_CASE = [x for x in WORDS if WORDS[x] in CASES and "case" in WORDS[x].model_fields]


@pytest.mark.parametrize("who", ["otto", "dana", "rosa", "ada"])
@pytest.mark.parametrize("word", [*OF_A_CASE, "status", "reopen"])
def test_who_may_know_nothing_hears_the_same_of_a_case_as_of_none(console: Console, word: str, who: str) -> None:
    handle = re.findall(r"SEC-\d+", " ".join(say(console, "@sam: /mb file MB-1 high marker")))[0]
    other = "SEC-1000" if handle != "SEC-1000" else "SEC-1001"
    for line in (
        f"{word} {{}} {WAYS.get(word, '')}",
        f"{word} {{}}",
        f"{word} {{}} --log",
        "{}?",
        "search {}",
        "help {}",
    ):
        with capture_logs() as logs:
            real, none = (say(console, f"@{who}: /mb {line.format(x)}".rstrip()) for x in (handle, other))
        assert [re.sub(handle, other, x, flags=re.IGNORECASE).lower() for x in real] == [x.lower() for x in none], line
        assert "marker" not in f"{real} {logs}"
