"""A filled-in issue template, as people paste it: what they claim, what shall be reviewed, what could not be read."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, html_block
from markdown_it.token import Token

Track = Literal["new", "update", ""]
Said = Literal["yes", "no", "unclear"]
Expected = Callable[[str], tuple[str, ...]] | Mapping[str, tuple[str, ...]]

MAX_CHARS = 65_536
EVERY_ITEM = "*"  # the item of an update that speaks for all requirements of a new plugin
_LONGEST_TEXT, _LONGEST_ENTRY, _MOST_ENTRIES, _LONGEST_REFERENCE = 1_000, 300, 40, 4_000


class FormTooLong(ValueError):  # noqa: N818 - the name says what is wrong
    """The text has more characters than are read; the message is a sentence for the person."""


@dataclass(frozen=True)
class Claim:
    """What the submitter says of one item: `raw` is what stood in the brackets, `remark` their own prose about it."""

    handle: str
    said: Said
    raw: str
    remark: str


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
    title, kind, body = _opening(text[:MAX_CHARS])
    sheet = _read(body)
    if sheet.items and (title or kind or sheet.seen & {"reference", "checklist"}):
        return True
    few = 3  # with fewer boxes it is a to-do list
    return {"summary", "reference"} <= sheet.seen or (len(sheet.items) >= few and "plugin" in text.lower())


def parse_form(
    text: str, phrases: Mapping[str, tuple[str, ...]], expected: Expected, *, max_chars: int = MAX_CHARS
) -> IssueForm:
    """Read a form: `phrases` tell the items by their meaning, `expected` names those of a track ("new", "update").

    Raises FormTooLong above `max_chars` characters, and nothing else, whatever the text.
    """
    if len(text) > max_chars:
        message = (
            f"The form has {len(text):,} characters; up to {max_chars:,} can be read. Leave out logs and listings."
        )
        raise FormTooLong(message)
    title, kind, body = _opening(text)
    sheet = _read(body)
    ask = expected if callable(expected) else lambda track: expected.get(track, ())
    book = _Book({handle: tuple(map(_words, known)) for handle, known in phrases.items()}, ask("new"), ask("update"))
    track = book.track(f"{title} {kind}".lower(), sheet)
    claims = book.claims(sheet, track)
    links = _links("\n".join(sheet.reference))
    if not links.reference:
        spare = _links("\n".join([*sheet.summary, *sheet.loose]), repositories_only=True)
        if spare.reference and spare.reference not in links.struck:
            links.reference = spare.reference
            sheet.unread.append((-1, f"No usable link to review; taken from the other text: {spare.reference}"))
    sheet.unread += [(sheet.reference_at, line) for line in links.prose]
    answered = {claim.handle for claim in claims}
    return IssueForm(
        track=track,
        title="" if "$" in title else title,
        summary=_cut("\n".join(sheet.summary).strip(), _LONGEST_TEXT),
        reference=links.reference,
        other_references=tuple(dict.fromkeys(links.others)),
        struck_out=tuple(dict.fromkeys(links.struck)),
        claims=claims,
        missing=tuple(h for h in (ask(track) if track else ()) if h not in answered),
        unread=_capped(line for _, line in sorted(sheet.unread, key=lambda entry: entry[0])),
    )


# --- the sheet: sections, items, and what is neither ------------------------------------------------------------------


@dataclass
class _Item:
    line: int
    raw: str
    head: str
    below: list[str] = field(default_factory=list)

    @property
    def whole(self) -> str:
        return " ".join([self.head, *self.below])

    @property
    def said(self) -> Said:
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
class _Sheet:
    seen: set[str] = field(default_factory=set)
    summary: list[str] = field(default_factory=list)
    reference: list[str] = field(default_factory=list)
    reference_at: int = 0
    items: list[_Item] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    unread: list[tuple[int, str]] = field(default_factory=list)  # line, text
    headed: set[Track] = field(default_factory=set)  # the tracks whose headings it has
    section: str = ""
    depth: int = 0  # the level of the section's heading
    owners: dict[int, _Item] = field(default_factory=dict)  # by list item

    def read(self, piece: _Piece) -> None:
        if piece.kind == "code":
            self.unread.append((piece.line, f"(code) {piece.text}"))
            return
        owner = next((self.owners[around] for around in reversed(piece.within) if around in self.owners), None)
        visible, hidden = _without_comments(piece.text)
        self.unread += [(piece.line, line) for line in hidden.split("\n")]
        self.section = "" if piece.kind == "lost" else self.section
        here: _Item | None = None  # the item that an earlier line of this piece began
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
            if any(not _is_of_template(sentence) for sentence in _sentences(bare)):
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


def _read(body: str) -> _Sheet:
    sheet = _Sheet()
    for piece in _pieces(body):
        sheet.read(piece)
    return sheet


def _item(at: int, line: str, *, listed: bool) -> _Item | None:
    match = _CHECK.match(line)
    if not match:
        return None
    item = _Item(at, match["raw"].removesuffix("\\"), match["rest"].strip())
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
            fits = section != "checklist" and (name not in _ONLY_WITH_LINK or _FIND.search(rest) is not None)
        else:
            fits = marked or name not in _ONLY_WITH_LINK
        return (section, line.strip() if rest and section == "reference" else rest) if fits else None
    return None


# --- items and what is said about them --------------------------------------------------------------------------------

# How the sentences begin that the templates add to a requirement: whatever else stands beside an item is a remark.
_OF_TEMPLATE = (
    "it should follow the documentation", "note there are currently no", "as such they are checked", "please post it into this issue",
    "this is typically a readme", "the link to the documentation is set", "a great example is", "typical components of documentation",
    "the plugin.json file should include", "you can join the documentation channel", "the link to it is noted",
    "the link to the current release notes", "for example github releases", "for plugins in particular this means",
    "if the plugin exposes a public api", "if an update requires manual",
)  # fmt: skip
_LABELS_OF_TEMPLATE = {
    "requirements prerequisites", "installation steps", "configuration steps", "usage", "troubleshooting",
    "screenshots if available", "link or email address for help support",
}  # fmt: skip
_EVERY = re.compile(
    r"(?:yes )?all (?:\w+ ){0,3}requirements (?:(?!not |\w+n t |never ).)*?\b(?:met|fulfilled|satisfied)\b"
)
_EXCEPT = re.compile(r"\b(?:except|but|apart from|other than|not)\b", re.IGNORECASE)
_TAIL = re.compile(
    r"\s(?:[-–—]+>?|=>|→|//)\s|[:;]\s|\s(?=\(|https?://)"  # noqa: RUF001 - a dash typed by a phone
    r"|[,\s]\s?(?=\(?(?:n/a|not applicable|except|apart from|but|however|only|not yet|planned|todo)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Book:
    """The policy's phrases, as plain words, and the items of both tracks."""

    phrases: Mapping[str, tuple[str, ...]]
    new: tuple[str, ...]
    update: tuple[str, ...]

    def track(self, words: str, sheet: _Sheet) -> Track:
        """Tell the track by the title, else by items that only updates have, else by headings, else by the other items."""
        if said := re.search(r"\b(?:(add|new)|update)\b", words):
            return "new" if said[1] else "update"
        heads = [item.head for item in sheet.items]
        of_update = [handle for handle in self.update if handle not in self.new]
        if any(self.find(head, of_update) and not self.find(head, self.new) for head in heads):
            return "update"
        if any(_EVERY.match(_words(head)) for head in heads):
            return "update"
        if len(sheet.headed) == 1:
            return next(iter(sheet.headed))
        return "new" if any(self.find(head, self.new) for head in heads) else ""

    def find(self, text: str, handles: Iterable[str]) -> str:
        """The handle whose phrase stands in the text, the longest phrase first, then the earliest; "" when none does."""
        words = f" {_words(text)}"
        best = max(
            ((len(known), -words.find(f" {known}"), handle) for handle in handles for known in self.phrases.get(handle, ())
             if known and f" {known}" in words),
            default=None,
        )  # fmt: skip
        return best[2] if best else ""

    def recognise(self, item: _Item, track: Track) -> str:
        """The handle of an item; "" when unknown. In an update its own items win over those of a new plugin."""
        own = [handle for handle in self.update if handle not in self.new] if track == "update" else []
        if _EVERY.match(_words(item.head)):
            return EVERY_ITEM
        first = "".join(_sentences(item.head)[:1])  # a remark after it may name other items
        for text in dict.fromkeys([first, item.head, item.whole]):
            if handle := self.find(text, own) or self.find(text, self.new):
                return handle
        return ""

    def claims(self, sheet: _Sheet, track: Track) -> tuple[Claim, ...]:
        """What is claimed, in the order of the text; unknown items go to the sheet's `unread`."""
        made: dict[str, Claim] = {}
        for item in sheet.items:
            handle = self.recognise(item, track)
            if not handle:
                sheet.unread.append((item.line, f"[{item.raw}] {item.whole}"))
                continue
            claim = Claim(handle, item.said, item.raw, self.remark(item, handle))
            before = made.get(handle)
            made[handle] = _both(before, claim) if before else claim
        every = made.get(EVERY_ITEM)
        if not every:
            return tuple(made.values())
        rest = [handle for handle in self.new if handle not in made]
        if not rest:
            sheet.unread.append((-1, f"[{every.raw}] all requirements {every.remark}"))
        doubted: Iterable[str] = ()
        if _EXCEPT.search(every.remark):
            remark = f" {_words(every.remark)} "
            doubted = [h for h in rest if f" {h.lower()} " in remark or self.find(remark, [h])] or rest
        spread = [
            Claim(h, "unclear" if h in doubted and every.said == "yes" else every.said, every.raw, every.remark)
            for h in rest
        ]
        return tuple(c for claim in made.values() for c in (spread if claim is every else [claim]))

    def remark(self, item: _Item, handle: str) -> str:
        """What the submitter wrote beside and below the requirement."""
        mine: list[str] = []
        sentences = list(_sentences(item.head))
        stated = next((n for n, sentence in enumerate(sentences) if self._states(sentence, handle)), 0)
        for number, sentence in enumerate(sentences):
            if number == stated or _is_of_template(sentence):
                mine += self._tail(sentence, handle)
            else:
                mine.append(sentence)
        for text in item.below:
            mine += [sentence for sentence in _sentences(text) if not _is_of_template(sentence)]
        return _cut(" ".join(mine).strip(), _LONGEST_TEXT)

    def _states(self, sentence: str, handle: str) -> bool:
        return bool(_EVERY.match(_words(sentence)) if handle == EVERY_ITEM else self.find(sentence, [handle]))

    def _tail(self, sentence: str, handle: str) -> list[str]:
        """What follows a dash, a colon or a word like "except" after the requirement, within its sentence."""
        for cut in list(_TAIL.finditer(sentence))[:20]:
            before, after = sentence[: cut.start()], sentence[cut.end() :].strip()
            if after and (self._states(before, handle) or _is_of_template(before)) and not _is_of_template(after):
                return [after]
        return []


def _both(first: Claim, second: Claim) -> Claim:
    agreed = first.said == second.said
    remark = _cut(" ".join(filter(None, (first.remark, second.remark))), _LONGEST_TEXT)
    return Claim(
        first.handle, first.said if agreed else "unclear", first.raw if agreed else f"{first.raw}|{second.raw}", remark
    )


# --- the reference section --------------------------------------------------------------------------------------------


@dataclass
class _Links:
    reference: str = ""
    others: list[str] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)  # lines that say more than a link


# Without emphasis an address keeps its underscores.
_INLINE = MarkdownIt("commonmark").enable("strikethrough").disable(["emphasis", "entity"])
_FIND = re.compile(
    r"(?P<link>(?:https?://|(?<![\w./-])(?:www\.)?(?:github|gitlab)\.com/|(?<![\w./-])git@[\w.-]+:)[^\s<>\"'`|\\]+)"
    r"|(?P<short>(?<![\w./@-])[A-Za-z0-9][\w-]*/[A-Za-z0-9][\w.-]*@[\w./+-]*\w)"
    r"|(?P<sha>(?<![\w./-])[0-9a-f]{7,40}(?![\w-]))"
    r"|(?P<version>(?<![\w./-])v?\d+\.\d+\.\d+[\w.+-]*|(?<![\w./-])v\d+\.\d+(?![\w.]))"
    r"|\bbranch:?\s+(?P<branch>[\w./-]+)(?=\s*[).]?\s*$)",
    re.MULTILINE,
)
_FORGE = re.compile(
    r"(?:https?://)?(?:www\.)?(?:(?:github|gitlab|bitbucket)\.(?:com|org)|codeberg\.org|(?:git|gitea|gitlab)\.[\w.-]+)/[^/]+/[^/]+|git@|[\w-]+/[\w.-]+@"
)
_NOT_CODE = re.compile(
    r"\.(?:tar\.gz|tgz|zip|tar|gz|png|jpe?g|gif|svg|webp|mp4|mov)(?:[?#].*)?$|/releases/download/|/archive/|githubusercontent\.com|shields\.io"
    r"|/(?:issues|wiki|actions|workflows|discussions|projects|assets|raw|uploads)(?:[/?#]|$)",
    re.IGNORECASE,
)
_PINNED = re.compile(r"/(?:tree|commits?|releases/tag|pull|merge_requests|src|blob|tags?)/[^/]|[\w-]/[\w.-]+@[\w.]")
_SERVER_BEFORE = re.compile(r"(?:mattermost|server)(?: version)?\s*(?:>=|≥)?\s*$", re.IGNORECASE)
_FILLER = re.compile(
    r"at|commits?|tag(?:ged)?|releases?d?|version|repository|repos?|branch|link|please|used?|the|for|review|of|is|it|see|and|this|on|our"
    r"|code|source|sha|ref|reference|here|latest|github|gitlab|plugin"
)
_STRUCK_TAG = re.compile(r"<(/?)(?:del|s|strike)\b", re.IGNORECASE)


def _links(text: str, *, repositories_only: bool = False) -> _Links:
    """What a text names for review; of a long text only the beginning is searched, the rest stays prose."""
    found = _Links()
    text, beyond = text[:_LONGEST_REFERENCE], text[_LONGEST_REFERENCE:]
    text = re.sub(r"~~([^~]+)~~|(?<![~\w/])~([^~\n]+)~(?!~)", lambda m: f"~~{(m[1] or m[2]).strip()}~~", text)
    links: list[str] = []
    refs: list[str] = []
    for kind, value, struck in _named(text):
        if struck:
            found.struck.append(value)
        else:
            (links if kind in {"link", "short"} else refs).append(value)
    usable = [link for link in links if not _NOT_CODE.search(link)]
    first = next((link for link in usable if _FORGE.match(link)), "" if repositories_only else next(iter(usable), ""))
    pinned = [link for link in usable if _PINNED.search(link) and _root(link) == _root(first)]
    chosen = first if _PINNED.search(first) or not pinned else pinned[0]
    found.reference = chosen
    if refs and not repositories_only and not _PINNED.search(chosen):
        found.reference = f"{re.sub(r'/(?:-/)?(?:releases(?:/latest)?|tags|commits)/?$', '', chosen)} {refs[0]}".strip()
        refs = refs[1:]
    found.others = [*(link for link in links if link != chosen), *(ref for ref in refs if ref not in found.reference)]
    for line in [*text.split("\n"), *beyond.split("\n")]:
        rest = re.sub(r"~~[^~]*~~|!?\[[^\[\]]*\]\([^()]*\)|<[^<>]*>|`[^`\s]*`", " ", line)
        words = re.findall(r"[^\W\d_]{2,}", _FIND.sub(" ", rest).lower())
        if not all(map(_FILLER.fullmatch, words)):
            found.prose.append(line)
    return found


def _named(text: str) -> Iterable[tuple[str, str, bool]]:
    """Each link and ref in the order of the text: kind, value, whether it is struck out."""
    struck, linked = 0, False
    for token in (_INLINE.parseInline(text)[0].children or []) if text else []:
        tag = _STRUCK_TAG.match(token.content) if token.type == "html_inline" else None
        if token.type in {"s_open", "s_close"} or tag:
            struck = max(0, struck + (token.nesting or (-1 if tag and tag[1] else 1)))
        elif token.type in {"link_open", "link_close"}:
            linked = token.nesting > 0
        for target in _targets(token):
            yield "link", target, struck > 0
        if token.type in {"text", "code_inline"}:
            for kind, value in _in_text(token.content, code=token.type == "code_inline"):
                if not linked or kind in {"sha", "version"}:
                    yield kind, value, struck > 0


def _targets(token: Token) -> list[str]:
    if token.type == "html_inline":
        return re.findall(r"\b(?:href|src)\s*=\s*[\"']?([^\s\"'>]+)", token.content)
    return [str(token.attrs[key]) for key in ("href", "src") if token.attrs.get(key)]


def _in_text(text: str, *, code: bool) -> Iterable[tuple[str, str]]:
    matches = list(_FIND.finditer(text))
    if code and not matches and re.fullmatch(r"[A-Za-z][\w./+-]{0,99}", text):
        yield "branch", text
    for match in matches:
        kind, value, before = str(match.lastgroup), str(match[match.lastgroup or 0]), text[: match.start()]
        if (
            kind == "sha"
            and (value.isdigit() or value.isalpha())
            and not code
            and not re.search(r"(?:commit|sha|@):?\s*$", before.lower())
        ):
            continue  # a number, or a word of the letters a to f
        if kind == "version" and _SERVER_BEFORE.search(before[-40:]):
            continue
        yield kind, value.rstrip(".,;:!?*_~)]}") if kind == "link" else value.rstrip(".")


def _root(link: str) -> str:
    """Host, owner and repository of a link, to tell whether two links are of the same repository."""
    path = re.sub(r"^https?://(?:www\.)?", "", link.lower())
    return "/".join(re.split(r"[/@#?]", path)[:3]).removesuffix(".git")


# --- text -------------------------------------------------------------------------------------------------------------

_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u200b": None, "\ufeff": None, "\x00": "\ufffd"})
_TITLE = re.compile(
    r"\s*(?:#{1,6}\s+|\*\*)?(?:title\s*:\s*(.{1,200}?)|(add\s.{1,150}?\sto\s.{0,40}marketplace|update\s.{1,150}?\s(?:to\s+v?\d\S*|to\s\$version|in\s.{0,40}marketplace)))[\s*.]*",
    re.IGNORECASE,
)


def _opening(text: str) -> tuple[str, str, str]:
    """The title, the kind that the template's front matter tells ("Add plugin Plugin/New"), and the text after both."""
    lines = re.sub(r"\r\n?", "\n", text.translate(_SPACES)).lstrip("\n").split("\n")
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


def _words(text: str) -> str:
    """The text as lower-case words parted by single spaces: no markup, hyphens as spaces, of addresses the host."""
    text = re.sub(r"(https?://[^\s/()]*)[^\s()]*", r"\1", text)
    return " ".join(re.sub(r"[^\w.@]+|(?<!\w)[_.]+|[_.]+(?!\w)", " ", text.lower()).split())


def _sentences(text: str) -> list[str]:
    return [
        part
        for part in re.split(r"(?<!e\.g\.)(?<!i\.e\.)(?:(?<=[.!?])|(?<=[.!?][)*_\"']))\s+", " ".join(text.split()))
        if part
    ]


def _is_of_template(sentence: str) -> bool:
    words = _words(sentence)
    return not words or words in _LABELS_OF_TEMPLATE or words.startswith(_OF_TEMPLATE)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _capped(lines: Iterable[str]) -> tuple[str, ...]:
    """One line for each entry, and a last one that counts those left out."""
    entries = [_cut(" ".join(line.split()), _LONGEST_ENTRY) for line in lines if line.strip()]
    more = len(entries) - _MOST_ENTRIES
    return tuple(entries) if more <= 0 else (*entries[:_MOST_ENTRIES], f"… and {more} more")
