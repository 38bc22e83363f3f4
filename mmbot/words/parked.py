"""What is said of posts and steps that were given up."""

from mmbot.domain.ticket import Ticket
from mmbot.messages import Message
from mmbot.words.cards import called
from mmbot.words.phrases import code, typed

MEANINGS = (
    ("can_not_post_to_deleted", "the channel is archived"),
    ("can_not_update_post_in_deleted", "the channel is archived"),
    ("403 ", "the server does not let me post there: is my account still in the channel?"),
    ("post.is_valid.msg", "the text is longer than the server takes"),
    ("post.is_valid.props", "its buttons are more than the server takes"),
    ("security_channel names no", "it is for the security team's channel, and none is configured"),
    ("not private any more", "everybody could read it now: make the channel private again"),
    ("413 ", "it is larger than the server takes"),
    ("create_direct_channel", "the server knows no such person"),
    ("in the log as", "that is a fault of mine"),
)
"""What stands in a reason, and what it means."""


STEPS = {
    "resolve": "looking something up",
    "cut": "a step of a cut",
    "list": "an entry",
    "unlist": "a change to the listing",
}
"""What the outbox does beside its posts, by the first word of its name."""


def meaning(why: str) -> str:
    """What a reason means in plain words; "" where it speaks for itself."""
    return next((words for mark, words in MEANINGS if mark in why), "")


def to_admin(why: str, *, step: str, confidential: bool = False) -> Message:
    """To an admin: something was given up, a `step` or a post; of what is `confidential` no more is said than where it was to stand."""
    found = meaning(why)
    what = STEPS.get(step.partition("-")[0], "") or (
        "a post in the security team's channel" if confidential else "a post"
    )
    return Message(
        f"I gave up {what}{f': {found}' if found else ''} ({code(why, 200)}). "
        "When the cause is gone, `mmbot outbox retry all` on my machine takes up again whatever waits; `mmbot outbox --parked` "
        "lists it. There may be more: of the same cause I speak once a day."
    )


def to_owner(ticket: Ticket, text: str, *, merged: bool) -> Message:
    """To a ticket's owner: what was to be looked up will not come by itself."""
    again = typed(f"commit {ticket.handle} LINK") if not merged else typed(f"done {ticket.handle} merged LINK")
    return Message(
        f"I failed to look up {code(text)} for {called(ticket)}. That is a fault of mine, and the admins know of it: they can "
        f"have me try again. To name another link instead: {again}."
    )
