"""The shapes of what the bot says: a message with its buttons, an answer, a dialog, a refusal. No words."""

from dataclasses import dataclass
from typing import Literal

Colour = Literal["", "blue", "green", "amber", "red", "grey"]


@dataclass(frozen=True)
class Button:
    """A button: pressing it is typing `line`. A line that lacks something opens a dialog that asks for it."""

    label: str
    line: str
    style: Literal["default", "primary", "danger"] = "default"


@dataclass(frozen=True)
class Row:
    """One row of buttons, with the words beside them."""

    buttons: tuple[Button, ...]
    text: str = ""


@dataclass(frozen=True)
class Message:
    """A post: Markdown, and rows of buttons below it."""

    text: str
    rows: tuple[Row, ...] = ()
    colour: Colour = ""


@dataclass(frozen=True)
class Question:
    """One field of a dialog. `kind` says how it is asked; `choices` are pairs of value and words."""

    name: str
    label: str
    kind: Literal["line", "text", "choice", "person", "flag"]
    optional: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    hint: str = ""
    default: str = ""


@dataclass(frozen=True)
class Dialog:
    """A dialog that completes `line` with the answers to its questions."""

    title: str
    intro: str
    line: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Reply:
    """The answer to the asker, for them alone."""

    text: str
    rows: tuple[Row, ...] = ()
    dialog: Dialog | None = None
    refused: bool = False
    """Whether it says no: nothing was changed."""
    errors: tuple[tuple[str, str], ...] = ()
    """For a dialog that stays open: pairs of a field's name and what is wrong with it."""


class Refused(Exception):  # noqa: N818 -- it is an answer, not an error of the program
    """No: everything the event changed is undone, and `text` is the answer; `field` is the dialog's field that it speaks of."""

    def __init__(self, text: str, field: str = "", rows: tuple[Row, ...] = ()) -> None:
        super().__init__(text)
        self.text, self.field, self.rows = text, field, rows


class NotNow(Exception):  # noqa: N818 -- what to do about it, not what it is
    """The server did not take it this time: try again, after `seconds` where it said so."""

    def __init__(self, why: str, seconds: float | None = None) -> None:
        super().__init__(why)
        self.seconds = seconds


class Never(Exception):  # noqa: N818 -- what to do about it, not what it is
    """The server will not take it, however often it is tried; `cause` is the same for all that it refuses for the same reason."""

    def __init__(self, why: str, cause: str = "") -> None:
        super().__init__(why)
        self.cause = cause or why


class PostGone(Exception):  # noqa: N818 -- what to do about it, not what it is
    """The post that was to be edited, or answered in its thread, is no longer there."""
