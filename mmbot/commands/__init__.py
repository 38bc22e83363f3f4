"""Text, button or dialog in; a Command out."""

from mmbot.commands.dialogs import KINDS, filled, questions
from mmbot.commands.grammar import TICKET, WORDS, Context, usage, usage_hint
from mmbot.commands.reading import LONGEST, names_in, read, said_wrong, tidy

__all__ = [
    "KINDS",
    "LONGEST",
    "TICKET",
    "WORDS",
    "Context",
    "filled",
    "names_in",
    "questions",
    "read",
    "said_wrong",
    "tidy",
    "usage",
    "usage_hint",
]
