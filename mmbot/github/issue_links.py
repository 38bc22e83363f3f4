"""The reference section of an issue form: the links and refs it names, and those it strikes out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

_LONGEST = 4_000  # characters of a section that are searched


@dataclass
class Links:
    """The reference of a text, "" without one; what else it names, what it strikes out, and its `prose`."""

    reference: str = ""
    others: list[str] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)  # lines that say more than a link


# Without emphasis an address keeps its underscores.
_INLINE = MarkdownIt("commonmark").enable("strikethrough").disable(["emphasis", "entity"])
LINK_OR_REF = re.compile(
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


def find_links(text: str, *, repositories_only: bool = False) -> Links:
    """What a text names for review; of a long text only the beginning is searched, the rest stays prose."""
    found = Links()
    text, beyond = text[:_LONGEST], text[_LONGEST:]
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
        words = re.findall(r"[^\W\d_]{2,}", LINK_OR_REF.sub(" ", rest).lower())
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
    matches = list(LINK_OR_REF.finditer(text))
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
