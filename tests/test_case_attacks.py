"""What somebody tries who wants to learn of a case, to end one, or to drown the team: each way that was once open stays closed."""

import re

import pytest
from at_the_console import MONDAY, REMIND, say

from mmbot.console import Console
from mmbot.console_world import World
from mmbot.domain import case_facts as c
from mmbot.messages import Message, Never
from mmbot.store import cases, outbox
from mmbot.store.database import Store
from mmbot.terminal import ROLES

FORK = "https://github.com/mallory/mattermost-plugin-remind"
LISTED = f":listed {REMIND} com.github.example.remind Remind 1.0.0"
SECRET = "zebrafish"


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


def taken_down_and_fixed(console: Console, removal: str = "plugin") -> str:
    """A case that is fixed, after its plugin, or a version of it, was taken out of the listing."""
    ref = filed(console)
    say(console, *(x.format("MB-1") for x in TO_LISTED), f"@sam: /mb takedown {ref} {removal} {SECRET}")
    say(console, f"@rosa: /mb confirm {ref}", f"@rosa: /mb removed {ref}", f"@sue: /mb submit {REMIND} v1.0.1")
    say(console, "@olive: /mb claim MB-2 owner", f"@sue: /mb fix {ref} MB-2", f"@sam: /mb fixed {ref}")
    return ref


@pytest.mark.parametrize("word", ["notfixed", "resume"])
def test_a_clock_runs_again_for_what_is_listed_again_and_was_not_fixed(
    console: Console, store: Store, word: str
) -> None:
    ref = taken_down_and_fixed(console)
    say(console, *(x.format("MB-2") for x in TO_LISTED))
    say(console, f"@sam: /mb {word} {ref} the hole is back")
    case = cases.case(store, ref)
    assert case
    assert case.stage == "open"
    assert "a decision is due" in "\n".join(say(console, ":time +15d", f"@sam: /mb case {ref}"))


@pytest.mark.parametrize("word", ["notfixed", "resume"])
def test_what_was_taken_down_stays_down_when_its_case_goes_on(console: Console, store: Store, word: str) -> None:
    ref = taken_down_and_fixed(console)
    said = "\n".join(say(console, f"@sam: /mb {word} {ref} it was none"))
    assert "The time for a fix ends" not in said
    case = cases.case(store, ref)
    assert case
    assert case.stage == "taken down"
    said = "\n".join(say(console, *(x.format("MB-2") for x in TO_LISTED)))
    assert "can't be listed: it was taken down on 9 Nov" in said


def test_a_version_stays_out_though_the_clock_runs_again_for_the_others(console: Console, store: Store) -> None:
    ref = taken_down_and_fixed(console, "version 1.0.1")
    say(console, f"@sam: /mb notfixed {ref} the others have it, too")
    case = cases.case(store, ref)
    assert case
    assert case.stage == "open"
    said = "\n".join(say(console, *(x.format("MB-2") for x in TO_LISTED)))
    assert "can't be listed: it was taken down on 9 Nov" in said


def test_what_somebody_asked_for_who_is_not_of_the_team_any_more_is_not_confirmed(
    console: Console, store: Store
) -> None:
    ref = filed(console)
    say(console, f"@sam: /mb takedown {ref} plugin why", ":role sandra security", ":unrole sam security")
    assert "somebody of the security team asks for it anew" in "\n".join(say(console, f"@rosa: /mb confirm {ref}"))
    say(console, f"@sandra: /mb takedown {ref} plugin why", f"@rosa: /mb confirm {ref}")
    case = cases.case(store, ref)
    assert case
    assert case.taken_down


class Closed:
    """A server whose security channel was archived: nothing can be posted or edited there."""

    def __init__(self, world: World) -> None:
        self.world, self.direct, self.find = world, world.direct, world.find

    async def newest(self, channel: str) -> tuple[str, str]:
        return await self.world.newest(self._open(channel))

    async def post(self, channel: str, root: str, message: Message, row: int, key: str) -> tuple[str, str]:
        return await self.world.post(self._open(channel), root, message, row, key)

    async def edit(self, channel: str, message: Message, post: str, row: int, key: str) -> None:
        await self.world.edit(self._open(channel), message, post, row, key)

    def _open(self, channel: str) -> str:
        if channel == "security":
            raise Never("can_not_post_to_deleted", "400 can_not_post_to_deleted")
        return channel


def test_a_deadline_is_not_forgotten_while_the_private_channel_is_archived(console: Console) -> None:
    ref = filed(console)
    console.outbox.voice = Closed(console.world)
    assert "so I write to you" not in to(console, "sam")
    say(console, ":time +14d")
    told = to(console, "sam")
    assert f"**{ref} Remind**, high vulnerability: The time for a fix **ended" in told
    assert told.count("so I write to you") == 4  # 7, 3 and 1 days before, and at the end
    assert f"**{ref}" not in to(console, "ada")
    new = handle(say(console, f"@eve: /mb vulnerability MB-1 {SECRET}"))
    assert f"**{new} Remind**, vulnerability: The security team answers by" in to(console, "sam")


def test_a_fix_that_was_withdrawn_is_no_fix_any_more(console: Console) -> None:
    ref = filed(console)
    say(console, f"@sue: /mb fix {ref} MB-1", "@sue: /mb withdraw MB-1 tired")
    gone = "MB-1, handed in as a fix on 9 Nov, is closed. No other fix is submitted."
    assert gone in "\n".join(say(console, f"@sam: /mb case {ref}"))
    said = "\n".join(say(console, ":time +7d"))
    assert "waits for you" not in said.split("to @sue", 1)[1]
    assert "[ A fix is submitted… ]" in said.split("to @olive", 1)[1].split("to @sue")[0]


@pytest.mark.parametrize(
    "text",
    [
        "there is a security hole in remind: anybody can read everything",
        "MB-1 has a vulnerability: anybody can read everything",
        "XSS in remind, see the title",
    ],
)
def test_whoever_tells_of_a_hole_in_words_of_their_own_is_told_how_and_that_it_stands_in_public(
    console: Console, text: str
) -> None:
    filed(console)
    for how in (": @mmbot ", " to mmbot: "):
        said = "\n".join(say(console, f"@eve{how}{text}"))
        assert "mmbot to @eve:" in said
        assert "`/mb vulnerability TEXT`" in said
        assert ("Your message stands in public" in said) == (how == ": @mmbot ")


def test_a_report_is_accepted_for_the_ticket_that_was_listed_meanwhile(console: Console) -> None:
    say(console, LISTED)
    ref = handle(say(console, f"@eve: /mb vulnerability com.github.example.remind {SECRET}"))
    say(
        console,
        f"@sue: /mb submit {REMIND} v1.0.1",
        "@olive: /mb claim MB-1 owner",
        *(x.format("MB-1") for x in TO_LISTED),
    )
    say(console, f"@sam: /mb accept {ref} high")
    assert SECRET in to(console, "sue")


def test_many_copies_that_were_withdrawn_push_nobodys_ticket_out_of_sight(console: Console) -> None:
    say(console, f"@sue: /mb submit {REMIND} v1.0.0", "@olive: /mb claim MB-1 owner")
    say(console, *(x.format("MB-1") for x in TO_LISTED), LISTED)
    for number in range(2, 27):
        say(console, f"@mallory: /mb submit {FORK} v6.6.6", f"@mallory: /mb withdraw MB-{number} no")
    say(console, f"@sam: /mb file com.github.example.remind high {SECRET}")
    assert SECRET in to(console, "sue")
    assert SECRET not in to(console, "mallory")
