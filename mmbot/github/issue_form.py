"""A filled-in issue template, as people paste it: what they claim, what shall be reviewed, what could not be read."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mmbot.github.issue_items import Book, Claim
from mmbot.github.issue_links import find_links
from mmbot.github.issue_sheet import Sheet, Track, may_be_form, read_sheet, unfenced
from mmbot.github.issue_text import LONGEST_TEXT, cut, words

__all__ = ["MAX_CHARS", "Claim", "FormTooLong", "IssueForm", "looks_like_form", "parse_form"]

Expected = Callable[[str], tuple[str, ...]] | Mapping[str, tuple[str, ...]]

MAX_CHARS = 65_536
_LONGEST_ENTRY, _MOST_ENTRIES = 300, 40


class FormTooLong(ValueError):  # noqa: N818 - the name says what is wrong
    """The text has more characters than are read; the message is a sentence for the person."""


@dataclass(frozen=True)
class IssueForm:
    """One form; every text is the person's own Markdown and not to be trusted.

    `reference` is the first usable link or ref of the reference section, "owner/repo" and ref parted by a space where they
    stood apart; without one, the first repository link of the other prose, which `unread` then says. `struck_out` is what
    they crossed out there. A handle has one claim; claimed twice and differently, it is unclear. `unread` has one line for
    each thing not understood.
    """

    track: Track
    title: str
    summary: str
    reference: str
    other_references: tuple[str, ...]
    struck_out: tuple[str, ...]
    claims: tuple[Claim, ...]
    missing: tuple[str, ...]
    unread: tuple[str, ...]


def looks_like_form(text: str) -> bool:
    """Whether this is a pasted form rather than an ordinary message; only the first MAX_CHARS count."""
    plain = _plain(text[:MAX_CHARS])
    return may_be_form(plain) and _page(plain).is_form


def parse_form(
    text: str, phrases: Mapping[str, tuple[str, ...]], expected: Expected, *, max_chars: int = MAX_CHARS
) -> IssueForm:
    """Read a form: `phrases` tell the items by their meaning, `expected` names those of a track ("new", "update").

    A code fence around the whole of a form is not minded.
    Raises FormTooLong above `max_chars` characters, and nothing else, whatever the text.
    """
    if len(text) > max_chars:
        message = (
            f"The form has {len(text):,} characters; up to {max_chars:,} can be read. Leave out logs and listings."
        )
        raise FormTooLong(message)
    page = _page(_plain(text))
    title, sheet = page.title, page.sheet
    ask = expected if callable(expected) else lambda track: expected.get(track, ())
    book = Book({handle: tuple(map(words, known)) for handle, known in phrases.items()}, ask("new"), ask("update"))
    track = book.track(f"{title} {page.kind}".lower(), sheet)
    claims = book.claims(sheet, track)
    links = find_links("\n".join(sheet.reference))
    if not links.reference:
        spare = find_links("\n".join([*sheet.summary, *sheet.loose]), repositories_only=True)
        if spare.reference and spare.reference not in links.struck:
            links.reference = spare.reference
            sheet.unread.append((-1, f"No usable link to review; taken from the other text: {spare.reference}"))
    sheet.unread += [(sheet.reference_at, line) for line in links.prose]
    answered = {claim.handle for claim in claims}
    return IssueForm(
        track=track,
        title="" if "$" in title else title,
        summary=cut("\n".join(sheet.summary).strip(), LONGEST_TEXT),
        reference=links.reference,
        other_references=tuple(dict.fromkeys(links.others)),
        struck_out=tuple(dict.fromkeys(links.struck)),
        claims=claims,
        missing=tuple(h for h in (ask(track) if track else ()) if h not in answered),
        unread=_capped(line for _, line in sorted(sheet.unread, key=lambda entry: entry[0])),
    )


_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u200b": None, "\ufeff": None, "\x00": "\ufffd"})
_TITLE = re.compile(
    r"\s*(?:#{1,6}\s+|\*\*)?(?:title\s*:\s*(.{1,200}?)|(add\s.{1,150}?\sto\s.{0,40}marketplace|update\s.{1,150}?\s(?:to\s+v?\d\S*|to\s\$version|in\s.{0,40}marketplace)))[\s*.]*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Page:
    title: str
    kind: str
    sheet: Sheet
    is_form: bool


def _plain(text: str) -> str:
    """The text with plain spaces and line breaks."""
    return re.sub(r"\r\n?", "\n", text.translate(_SPACES))


def _page(text: str) -> _Page:
    """A text as it is read: what a code fence is around if that is a form, else the text itself."""
    if (inside := unfenced(text)) != text and (page := _read(inside)).is_form:
        return page
    return _read(text)


def _read(text: str) -> _Page:
    title, kind, body = _opening(text)
    sheet = read_sheet(body)
    few = 3  # with fewer boxes it is a to-do list
    listed = sheet.items and (title or kind or sheet.seen & {"reference", "checklist"})
    many = len(sheet.items) >= few and "plugin" in text.lower()
    return _Page(title, kind, sheet, bool(listed or many or {"summary", "reference"} <= sheet.seen))


def _opening(text: str) -> tuple[str, str, str]:
    """The title, the kind that the template's front matter tells ("Add plugin Plugin/New"), and the text after both."""
    lines = text.lstrip("\n").split("\n")
    title, kind = "", ""
    end = (
        next((n for n, line in enumerate(lines[1:20], 1) if line.rstrip() == "---"), 0)
        if lines[0].rstrip() == "---"
        else 0
    )
    if end and all(re.match(r"[\w-]+:|\s*$", line) for line in lines[1:end]):
        front = {key: value.strip(" \"'") for key, _, value in (line.partition(":") for line in lines[1:end])}
        title, kind = front.get("title", "")[:200], f"{front.get('name', '')} {front.get('labels', '')}"
        lines = lines[end + 1 :]
    first = next((n for n, line in enumerate(lines) if line.strip()), None)
    if first is not None and (match := _TITLE.fullmatch(lines[first][:300])):
        title = (match[1] or match[2]).strip(" \"'*")
        lines = lines[first + 1 :]
    return title, kind, "\n".join(lines)


def _capped(lines: Iterable[str]) -> tuple[str, ...]:
    """One line for each entry, and a last one that counts those left out."""
    entries = [cut(" ".join(line.split()), _LONGEST_ENTRY) for line in lines if line.strip()]
    more = len(entries) - _MOST_ENTRIES
    return tuple(entries) if more <= 0 else (*entries[:_MOST_ENTRIES], f"… and {more} more")
