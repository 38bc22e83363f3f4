"""The words about corrections: what changed from what, and why something cannot be changed so."""

from collections.abc import Sequence

from mmbot.domain.facts import Correction
from mmbot.domain.ticket import Ticket
from mmbot.messages import Message
from mmbot.words.cards import Who, called
from mmbot.words.choices import CORRECTIONS
from mmbot.words.phrases import code, listed, plain, typed


def shown(ticket: Ticket, what: Correction, who: Who) -> str:  # noqa: PLR0911 -- one exit for each
    """What a ticket says of something at present, safe to post."""
    match what:
        case "title":
            return f"**{plain(ticket.name, 60)}**"
        case "submitter":
            return who(ticket.submitter)
        case "maintainers":
            return listed(who(x) for x in ticket.maintainers)
        case "repository":
            return code(ticket.repository, 200)
        case "fork":
            return code(ticket.fork, 200) if ticket.fork else "nothing"
        case "id":
            return code(ticket.plugin_id) if ticket.plugin_id else "nothing"
        case "contact":
            return code(ticket.contact, 150) if ticket.contact else "nothing"
        case "social":
            return plain(ticket.social, 150) if ticket.social else "nothing"


def edited(ticket: Ticket, what: Correction, old: str, new: str) -> str:
    """Something was put right: from what to what."""
    return f"{called(ticket)}, {CORRECTIONS[what]}: {old} → {new}."


def news(ticket: Ticket, what: Correction, old: str, new: str, by: str) -> Message:
    """In the thread: the same, with who did it."""
    return Message(f"{by} changed the {CORRECTIONS[what]} of {ticket.handle}: {old} → {new}.")


def same(ticket: Ticket, what: Correction, old: str) -> str:
    """It says so already."""
    return f"{CORRECTIONS[what].capitalize()} of {ticket.handle}: that is {old} already."


def who_is(text: str) -> str:
    """A word that names nobody."""
    return (
        f'I don\'t know {code(text, 60)} on this server. People without an account are written in quotes: `"Jane Doe"`.'
    )


def how_many(most: int) -> str:
    """Nobody, or too many were named."""
    return "Name one person." if most == 1 else f"Name one to {most} people, as @USER or in quotes."


def judges(ticket: Ticket, name: str, lines: Sequence[str]) -> str:
    """Somebody takes part in the review, so the plugin can't be theirs until these commands have taken that away."""
    return (
        f"{name} takes part in the review of {ticket.handle}, and nobody judges their own submission. "
        f"First somebody else takes over what is theirs: {listed(typed(x) for x in lines)}."
    )


def is_a_page(ticket: Ticket) -> str:
    """A page has no repository."""
    return f"On {ticket.handle} a page is reviewed. To move to another: {typed(f'commit {ticket.handle} LINK')}."


def only_the_repository(ticket: Ticket) -> str:
    """A link named more than the repository."""
    return f"Name the repository alone. To move the review to a tag or commit: {typed(f'commit {ticket.handle} LINK')}."


def id_of_the_manifest(ticket: Ticket) -> str:
    """The id comes from the manifest."""
    known = ticket.resolved.plugin_id if ticket.resolved else ""
    return (
        f"The manifest under review says {code(known)}, and a server goes by that. To change it, change `plugin.json`, then "
        f"{typed(f'commit {ticket.handle} TAG')}."
    )


def no_id(text: str) -> str:
    """Not an id that a server would take."""
    return f"{code(text, 80)} is no plugin id: 3 to 190 letters, digits, dots, dashes or underscores."


def id_is_listed(text: str) -> str:
    """The id belongs to a listed plugin."""
    return f"{code(text, 190)} is the id of a listed plugin (P8): this one needs an id of its own."


def yours_now(ticket: Ticket, by: str, who: Who) -> Message:
    """To somebody who became a ticket's submitter or maintainer."""
    owner = f" {who(ticket.owner)} guides it." if ticket.owner else ""
    return Message(
        f"{by} named you as one of those whose plugin {called(ticket)} is: what concerns it you hear from here.{owner} "
        f"Where it stands: {typed(f'status {ticket.handle}')}."
    )


def no_longer_yours(ticket: Ticket, by: str) -> Message:
    """To somebody who no longer is."""
    return Message(f"{by} changed whose plugin {called(ticket)} is: you are not named there any more.")
