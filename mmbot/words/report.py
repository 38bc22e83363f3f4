"""How long things take: where a ticket's days went, and the report of how many tickets wait for whom. Days, never hours."""

from collections.abc import Mapping, Sequence

from mmbot.domain.booked import HOLD
from mmbot.domain.report import Figures, Spread, Waits, shares
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
    order = {party: place for place, party in enumerate(("submitter", "owner", *ticket.policy.roles))}
    parties = sorted(booked, key=lambda party: (-_whole(booked[party]), order.get(party, len(order))))
    long = [party for party in parties if booked[party] >= DAY]
    if not long:
        return ""
    first, *others = long
    parts = [f"{_named(ticket, first)} {days(booked[first])}"]
    parts += [f"{_named(ticket, party)} {_whole(booked[party])}" for party in others]
    brief = [_named(ticket, party) for party in parties if booked[party] < DAY and party != "mmbot"]
    rest = f"; {listed(brief)} {SHORT}" if brief else ""
    return f" {'In all' if over else 'So far'}: {', '.join(parts)}{rest}."


def _named(ticket: Ticket, party: str) -> str:
    return {HOLD: "on hold", "mmbot": "looking up"}.get(party) or title_of(ticket, party)


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
    happened = [f"{figures.came:,} came in"] if figures.came else ["none came in"]
    happened += [f"{figures.listed:,} {_were(figures.listed)} listed"] if figures.listed else []
    happened += [f"{figures.closed:,} {_were(figures.closed)} closed"] if figures.closed else []
    if not figures.listed and not figures.closed:
        happened.append("none was listed or closed")
    return f"**Tickets on {date(figures.at)}:** {open_ones}. In the last 7 days {listed(happened)}."


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _waiting(figures: Figures, policy: Policy) -> str:
    if not figures.waits:
        return ""
    lines = ["| waiting for | tickets (late) | median days (longest) |", "|:--|:--|:--|"]
    return "\n".join([*lines, *(_wait_line(x, policy) for x in figures.waits)])


def _wait_line(waits: Waits, policy: Policy) -> str:
    late = f" ({waits.late:,})" if waits.late else ""
    since = f"{_number(waits.half)} ({_number(waits.longest)}, MB-{waits.ticket})"
    return f"| {_party(waits.party, policy)} | {waits.count:,}{late} | {since} |"


def _number(time: int) -> str:
    """Whole days where the heading says that it is days."""
    return "under 1" if time < DAY else f"{_whole(time):,}"


def _party(party: str, policy: Policy) -> str:
    return PARTIES.get(party) or (policy.roles[party].title if party in policy.roles else party)


def _reviews(figures: Figures, policy: Policy) -> str:
    known = {role: x for role, x in figures.usual.items() if x.took.count >= policy.notices.usual_from}
    few = [_party(role, policy) for role in figures.usual if role not in known]
    if not known:
        return "How long reviews take: too few are finished to say."
    lines = ["| median days (80%) | first look | decision |", "|:--|:--|:--|"]
    lines += [f"| {_party(role, policy)} | {_both(x.looked)} | {_both(x.took)} |" for role, x in known.items()]
    return "\n".join([*lines, *(["", f"Of {listed(few)} too few reviews are finished to say."] if few else [])])


def _both(spread: Spread) -> str:
    """The median, and the days within which four of five were through, if that is more: `4 (9)`."""
    half, most = _number(spread.half), _number(spread.most)
    return half if half == most else f"{half} ({most})"


def _listing(figures: Figures, policy: Policy) -> str:
    listing = figures.listing
    if listing.count < policy.notices.usual_from:
        return ""
    most = f"; 80% within {days(listing.most)}" if days(listing.most) != days(listing.half) else ""
    return f"From handing in to the listing: {days(listing.half)}, the median of the last {listing.count}{most}."


def _went(figures: Figures, policy: Policy) -> str:
    if figures.finished < policy.notices.usual_from:
        return ""
    parts = shares(figures.went)
    shown = sorted((party for party in parts if parts[party]), key=lambda party: -figures.went[party])
    if not shown:
        return ""
    wide = max(len(_party(party, policy)) for party in shown)
    lines = [f"{_party(x, policy):{wide}} {_bar(parts[x], parts[shown[0]])} {parts[x]}%" for x in shown]
    begin = f"Where the time went of the {figures.finished} that were listed or closed last:"
    return "\n".join([begin, "```", *lines, "```"])


def _bar(share: int, largest: int) -> str:
    return BAR * max(1, round(share * LONGEST / largest))
