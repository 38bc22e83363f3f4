"""The sections and boxes of an issue form, and what is neither."""

import re
from dataclasses import dataclass, field
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, html_block

from mmbot.github.issue_links import LINK_OR_REF
from mmbot.github.issue_text import is_of_template, sentences

Track = Literal["new", "update", ""]
Said = Literal["yes", "no", "unclear"]


@dataclass
class Item:
    """A box with its text: `raw` is what stands in the brackets, `head` the text beside it, `below` what is indented."""

    line: int
    raw: str
    head: str
    below: list[str] = field(default_factory=list)

    @property
    def whole(self) -> str:
        """The text beside and below the box."""
        return " ".join([self.head, *self.below])

    @property
    def said(self) -> Said:
        """What the mark in the brackets means."""
        mark = self.raw.strip().lower()
        if mark in {"x", "х", "×", "y", "yes", "v", "ok", "✓", "✔", "✔️", "✅", "☑", "☑️"}:  # noqa: RUF001 - other scripts' x
            return "yes"
        return "no" if mark in {"", "-", "n", "no", "_", "☐"} else "unclear"  # "" and "-" are how an open box is left


@dataclass(frozen=True)
class _Piece:
    kind: str  # text, heading, code; or lost, what the parser left out
    line: int
    text: str
    level: int = 0  # of a heading
    within: tuple[int, ...] = ()  # the list items around it, outermost first
    opens: bool = False  # whether it is what its list item begins with


@dataclass
class Sheet:
    """The parts of a form: its sections, its items, and what is neither, each text with its line."""

    seen: set[str] = field(default_factory=set)
    summary: list[str] = field(default_factory=list)
    reference: list[str] = field(default_factory=list)
    reference_at: int = 0
    items: list[Item] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    unread: list[tuple[int, str]] = field(default_factory=list)  # line, text
    headed: set[Track] = field(default_factory=set)  # the tracks whose headings it has
    section: str = ""
    depth: int = 0  # the level of the section's heading
    owners: dict[int, Item] = field(default_factory=dict)  # by list item

    def read(self, piece: _Piece) -> None:
        """Take in the next piece of the text."""
        if piece.kind == "code":
            self.unread.append((piece.line, f"(code) {piece.text}"))
            return
        owner = next((self.owners[around] for around in reversed(piece.within) if around in self.owners), None)
        visible, hidden = _without_comments(piece.text)
        self.unread += [(piece.line, line) for line in hidden.split("\n")]
        self.section = "" if piece.kind == "lost" else self.section
        here: Item | None = None  # the item that an earlier line of this piece began
        below: list[str] = []
        for number, line in enumerate(visible.split("\n")):
            if not line.strip():
                continue
            first = piece.opens and number == 0
            if item := _item(piece.line + number, line, listed=first):
                here = item
                self.items.append(item)
                if first:
                    self.owners[piece.within[-1]] = item
            elif here:
                here.head += " " + line.strip()
            elif owner and piece.kind != "heading":
                below.append(line.strip())
            else:
                self.prose(piece, number, line)
        if owner and below:
            owner.below.append(" ".join(below))

    def prose(self, piece: _Piece, number: int, line: str) -> None:
        """Take in a line that belongs to no item: it begins a section, stands in one, or is loose."""
        at = piece.line + number
        if found := _section(line, heading=piece.kind == "heading"):
            self.section, rest = found
            self.depth = piece.level or 6
            self.seen.add(self.section)
            if self.section == "reference":
                self.reference_at = self.reference_at or at
                self.headed |= {track for name, track in _HEADED.items() if name in line.lower()}
            if rest:
                (self.reference if self.section == "reference" else self.summary).append(rest)
        elif self.section == "summary" and (not piece.level or piece.level > self.depth):
            if number == 0 and not piece.opens:
                self.summary.append("")
            self.summary.append("- " * (piece.opens and number == 0) + line.strip())
        elif self.section == "reference" and not piece.level:
            self.reference.append(line.strip())
        else:
            self.section = "" if piece.level else self.section
            bare = re.sub(r"</?[a-z]+ ?/?>", "", line).strip()
            if any(not is_of_template(sentence) for sentence in sentences(bare)):
                self.loose.append(bare)
                self.unread.append((at, bare))


def _comment(state: StateBlock, line: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - the parser's signature
    """Other HTML stays text: a tag above a list would otherwise swallow it."""
    start = state.bMarks[line] + state.tShift[line]
    return state.src.startswith("<!--", start) and html_block(state, line, end, silent)


# Indented text and link definitions would hide items; an underline would make a heading of a summary.
_BLOCKS = MarkdownIt("commonmark", {"maxNesting": 40}).disable(["code", "reference", "lheading", "inline"])
_BLOCKS.block.ruler.at("html_block", _comment, {"alt": ["paragraph", "blockquote"]})
_CHECK = re.compile(
    r"[\s>]*(?P<bullet>(?:[-*+•–]|\d{1,9}[.)])(?!\*)\s*)?(?:\*\*|__|~~)?\\?\[(?P<raw>[^\[\]\n]{0,40})\](?:\*\*|__|~~)?(?P<rest>.*)"  # noqa: RUF001 - a dash typed by a phone
)
_SECTIONS = {
    "summary": re.compile(r"(?:plugin )?(?:summary|description)"),
    "reference": re.compile(
        r"review(?:ed)?(?: (?:commit|reference|release|link|tag|version|ref))?|(?:git )?(?:commit|reference|release|repository|repo)"
        r"|(?:commit|reference|release|tag|link) (?:for|to|under) (?:the )?review"
    ),
    "checklist": re.compile(
        r"(?:the )?check ?list|(?:product|technical|security|functional|documentation) requirements?.{0,80}"
    ),
}
_MARKS = r"^(?:[^\S\n]|[-*+•–\d.)>#_~\\])*"  # noqa: RUF001 - whatever may stand before a box or a name
_MAYBE_BOX = re.compile(_MARKS + r"\[[^\[\]\n]{0,40}\]", re.MULTILINE)
_MAYBE_SUMMARY = re.compile(_MARKS + r"(?:plugin\s+)?(?:summary|description)", re.MULTILINE | re.IGNORECASE)
_MAYBE_REFERENCE = re.compile(
    _MARKS + r"(?:git\s+)?(?:review|commit|reference|release|repo|tag|link)", re.MULTILINE | re.IGNORECASE
)
_HEADED: dict[str, Track] = {"review commit": "new", "review reference": "update"}  # the two templates differ in it
_ONLY_WITH_LINK = {"commit", "reference", "release", "repository", "repo", "git commit", "git repository"}


def _pieces(body: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    around: list[int] = []
    covered: set[int] = set()
    fresh, level = False, 0
    for number, token in enumerate(_BLOCKS.parse(body)):
        if token.type == "list_item_open":
            around.append(number)
            fresh = True
        elif token.type == "list_item_close":
            around.pop()
            fresh = False
        elif token.type in {"heading_open", "paragraph_open"}:
            level = int(token.tag[1]) if token.type == "heading_open" else 0
        elif token.type in {"inline", "fence", "html_block", "hr"} and token.map:
            covered.update(range(*token.map))
            kind = "code" if token.type == "fence" else "heading" if level else "text"
            if token.type != "hr":
                pieces.append(_Piece(kind, token.map[0], token.content, level, tuple(around), fresh))
            fresh, level = False, 0
    for number, line in enumerate(body.split("\n")):  # what is nested deeper than the parser goes
        if number not in covered and line.strip(" \t\n\f\v>-*+.)#0123456789`~"):
            pieces.append(_Piece("lost", number, line))
    return pieces


def may_be_form(text: str) -> bool:
    """False when the text surely has neither a box nor both a summary and a reference: cheaper than reading it."""
    if "<!--" in text:  # without its comments a line may begin otherwise
        return True
    return bool(_MAYBE_BOX.search(text) or (_MAYBE_SUMMARY.search(text) and _MAYBE_REFERENCE.search(text)))


def unfenced(text: str) -> str:
    """What is inside of the code fence that is around the whole text; any other text as it is."""
    if not text.lstrip().startswith(("```", "~~~")):
        return text
    blocks = _BLOCKS.parse(text)
    return blocks[0].content if len(blocks) == 1 and blocks[0].type == "fence" else text


def read_sheet(body: str) -> Sheet:
    """Read a text whose line breaks are plain; never raises."""
    sheet = Sheet()
    for piece in _pieces(body):
        sheet.read(piece)
    return sheet


def _item(at: int, line: str, *, listed: bool) -> Item | None:
    match = _CHECK.match(line)
    if not match:
        return None
    item = Item(at, match["raw"].removesuffix("\\"), match["rest"].strip())
    certain = item.said != "unclear"
    if re.match(r"\((?:\w+:|www\.|[/#.])", match["rest"]):
        return None  # a link whose text is "x"
    if not (listed or match["bullet"]) and not (certain or "?" in item.raw):
        return None  # "[WIP] …" in the middle of prose
    return None if not certain and match["rest"].startswith(("(", "[", ":")) else item  # a link


def _section(line: str, *, heading: bool) -> tuple[str, str] | None:
    """The section that a line begins, and what else stands on that line."""
    head, colon, rest = line.partition(":")
    name, rest = " ".join(head.lower().strip(" \t#*_~").split()), rest.strip(" \t*_~")
    marked = heading or bool(colon) or line.strip().startswith(("**", "__"))
    for section, names in _SECTIONS.items():
        if not names.fullmatch(name):
            continue
        if rest:
            fits = section != "checklist" and (name not in _ONLY_WITH_LINK or LINK_OR_REF.search(rest) is not None)
        else:
            fits = marked or name not in _ONLY_WITH_LINK
        return (section, line.strip() if rest and section == "reference" else rest) if fits else None
    return None


def _without_comments(text: str) -> tuple[str, str]:
    """The text without its HTML comments; and, apart, what follows one that is never closed: GitHub hides that, too."""
    kept: list[str] = []
    while (start := text.find("<!--")) >= 0:
        end = text.find("-->", start + 4)
        kept.append(text[:start])
        if end < 0:
            return "".join(kept), text[start + 4 :]
        kept.append("\n" * text.count("\n", start, end))
        text = text[end + 3 :]
    return "".join([*kept, text]), ""
