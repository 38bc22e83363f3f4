"""What is sent to admins: names that are nobody's, and the nightly backup."""

from collections.abc import Iterable

from mmbot.messages import Message
from mmbot.words.phrases import code, listed


def role_withheld(role: str, name: str) -> Message:
    """To an admin: a configured name means somebody else now."""
    return Message(
        f"The name {code(name)} in the configuration of role {code(role)} now belongs to somebody else. The role is withheld from both "
        "until you change the configuration."
    )


def unknown_names(names: Iterable[str]) -> Message:
    """To an admin: names in the configuration that nobody has."""
    return Message(
        f"The configuration names people I can't find on this server: {listed(code(x) for x in names)}. They get no role."
    )


def names_gone(names: Iterable[str]) -> Message:
    """To an admin: names in the configuration that nobody has any more."""
    return Message(
        f"Nobody on this server has the name any more that the configuration gives: {listed(code(x) for x in names)}. "
        "Whoever had it keeps the role; write their present name into the configuration."
    )


def backup_missed(why: str) -> Message:
    """To an admin: the nightly backup failed, told once."""
    return Message(
        f"⚠ The nightly backup of my store failed: {code(why, 300)} I try again each night, and tell you when it works. "
        "Whoever operates me can make one now with `mmbot backup`, which says what is wrong."
    )


def backup_again(name: str) -> Message:
    """To an admin: it works again."""
    return Message(f"The nightly backup works again: {code(name, 100)} was made and opens.")
