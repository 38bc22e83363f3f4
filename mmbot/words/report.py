"""How long things take: where a ticket's days went, and the report of how many tickets wait for whom. Days, never hours."""

from collections.abc import Mapping, Sequence

from mmbot.domain.booked import HOLD
from mmbot.domain.report import Figures, Spread, Usual, Waits, shares
from mmbot.domain.ticket import Ticket
from mmbot.messages import Message
from mmbot.policy import Policy
from mmbot.words.cards import title_of
from mmbot.words.phrases import date, listed, plural

DAY = 86_400_000
SHORT = "less than a day"
BAR, LONGEST = "▇", 16
"""What a bar is made of, and how much of it the longest one has: on a telephone a line holds about thirty of them."""
PARTIES = {
    "submitter": "submitters",
    "owner": "owners",
    "release": "release users",
    HOLD: "on hold",
    "mmbot": "looking up",
}


def days(time: int) -> str:
    """A length of time (milliseconds) in whole days."""
    return SHORT if time < DAY else plural(_whole(time), "day")


def _whole(time: int) -> int:
    return (time + DAY // 2) // DAY


def usually(time: int) -> str:
    """How long something usually takes, in brackets; begins with a space, "" where that is not known (0)."""
    return f" (usually {days(time)})" if time else ""


def before(time: int) -> str:
    """That a party was waited for before, in brackets; begins with a space, "" where it was for less than a day."""
    return f" (and {days(time)} before)" if time >= DAY else ""


def so_far(ticket: Ticket, booked: Mapping[str, int], *, over: bool = False) -> str:
    """Where a ticket's days went, begins with a space: ` So far: submitter 12 days, dev 9; QA less than a day.`; "" without a whole day."""
    names = {"release": "release", HOLD: "on hold", "mmbot": "looking up"}
    known = {names.get(x) or title_of(ticket, x): time for x, time in sorted(booked.items(), key=_longest_first)}
    long = [name for name, time in known.items() if time >= DAY]
    if not long:
        return ""
    parts = [f"{long[0]} {days(known[long[0]])}", *(f"{name} {_whole(known[name])}" for name in long[1:])]
    brief = [name for name, time in known.items() if time < DAY and name != names["mmbot"]]
    rest = f"; {listed(brief)} {SHORT}" if brief else ""
    return f" {'In all' if over else 'So far'}: {', '.join(parts)}{rest}."


def _longest_first(entry: tuple[str, int]) -> tuple[int, str]:
    return -entry[1], entry[0]


# The report


def report(figures: Figures, policy: Policy, clocks: Sequence[str] = ()) -> str:
    """The answer to `report`; `clocks` are lines for those who may know what else is running."""
    parts = [_begin(figures), _waiting(figures, policy), _reviews(figures, policy), _listing(figures, policy)]
    parts += [_went(figures, policy), "\n".join(("**Running clocks:**", *clocks)) if clocks else ""]
    return "\n\n".join(x for x in parts if x)


def weekly(figures: Figures, policy: Policy) -> Message:
    """In the channel, at the beginning of a week."""
    return Message(report(figures, policy))


def _begin(figures: Figures) -> str:
    number = figures.open
    open_ones = "no ticket is open" if not number else "one ticket is open" if number == 1 else f"{number:,} are open"
    came = f"{figures.came:,} came in" if figures.came else "none came in"
    done = listed(
        f"{n:,} {_were(n)} {what}" for n, what in ((figures.listed, "listed"), (figures.closed, "closed")) if n
    )
    ended = done or "none was listed or closed"
    return f"**Tickets on {date(figures.at)}:** {open_ones}. In the last 7 days {came}, {ended}."


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _waiting(figures: Figures, policy: Policy) -> str:
    if not figures.waits:
        return ""
    lines = ["| waiting for | tickets | late | median | longest |", "|:--|--:|--:|--:|:--|"]
    return "\n".join([*lines, *(_wait_line(x, policy) for x in figures.waits)])


def _wait_line(waits: Waits, policy: Policy) -> str:
    longest = f"MB-{waits.ticket}, {days(waits.longest)}"
    late = f"{waits.late:,}" if waits.late else "—"
    return f"| {_party(waits.party, policy)} | {waits.count:,} | {late} | {days(waits.half)} | {longest} |"


def _party(party: str, policy: Policy) -> str:
    return PARTIES.get(party) or (policy.roles[party].title if party in policy.roles else party)


def _reviews(figures: Figures, policy: Policy) -> str:
    enough = policy.notices.usual_from
    if all(x.took.count < enough for x in figures.usual.values()):
        return "How long reviews take: too few are finished to say."
    lines = ["| review | first look | decision |", "|:--|:--|:--|"]
    return "\n".join([*lines, *(_review_line(role, x, policy) for role, x in figures.usual.items())])


def _review_line(role: str, usual: Usual, policy: Policy) -> str:
    if usual.took.count < policy.notices.usual_from:
        return f"| {_party(role, policy)} | too few to say | |"
    return f"| {_party(role, policy)} | {_spread(usual.looked)} | {_spread(usual.took)} |"


def _spread(spread: Spread) -> str:
    """The median, and the time within which four of five were through: `4 days (80 %: 9)`."""
    if spread.most < DAY or _whole(spread.half) == _whole(spread.most):
        return days(spread.half)
    return f"{days(spread.half)} (80 %: {_whole(spread.most)})"


def _listing(figures: Figures, policy: Policy) -> str:
    if figures.listing.count < policy.notices.usual_from:
        return ""
    return (
        f"From handing in to the listing: {_spread(figures.listing)}, the median of the last {figures.listing.count}."
    )


def _went(figures: Figures, policy: Policy) -> str:
    parts = shares(figures.went)
    shown = [(x, parts[x]) for x, _ in sorted(figures.went.items(), key=_longest_first) if parts[x]]
    if not shown:
        return ""
    wide = max(len(_party(x, policy)) for x, _ in shown)
    bars = [
        f"{_party(x, policy):{wide}} {BAR * max(1, round(share * LONGEST / shown[0][1]))} {share} %"
        for x, share in shown
    ]
    which = (
        "ticket that was finished last"
        if figures.finished == 1
        else f"{figures.finished} tickets that were finished last"
    )
    return "\n".join([f"Where the time of the {which} went:", "```", *bars, "```"])
