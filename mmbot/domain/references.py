"""What people give as the thing to review, read into a value."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote

Kind = Literal["default", "branch", "tag", "commit", "pull", "unknown"]

MAX_TEXT = 2000  # characters of a reference
MAX_NAME = 250  # bytes of a branch's or tag's name: git stores it as a file name

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#]*)([^?#]*)(.*)", re.IGNORECASE)
_SSH = re.compile(r"(?:ssh://git@([^/:@]+)/|git@([^/:@]+):)([^/].*)", re.IGNORECASE)
_HOST = re.compile(
    r"((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)\.?(?::([0-9]{1,5}))?"
)
_BARE_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")
_SEGMENT = re.compile(r"[A-Za-z0-9_.~][A-Za-z0-9_.~-]{0,127}(?<!\.)")
_SHORT = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9_.-]{1,100})(@.*)?")
_LINK = re.compile(r"\[[^\]]*\]\(<?([^()\s<>]+)>?(?:\s+\"[^\"]*\")?\)(.*)")
_HEX = re.compile(r"[0-9a-fA-F]{7,40}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_FORBIDDEN = re.compile(r"[\u200c\u200d\s~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)")

_GITHUB = "github.com"
_WELL_KNOWN = ("github.com/", "www.github.com/", "gitlab.com/", "www.gitlab.com/", "codeberg.org/", "bitbucket.org/")
_PRIVATE = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa", "invalid", "onion")
_ARCHIVES = (".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar")
_PAGES = frozenset(  # what stands behind the repository in its web pages' addresses
    {"tree", "blob", "raw", "blame", "edit", "src", "commit", "commits", "releases", "tags", "pull", "pulls"}
    | {"merge_requests", "archive", "tarball", "zipball", "issues", "wiki", "actions", "compare", "branches"}
)
_PAIRS = {"(": ")", "<": ">", "[": "]", "{": "}"}
_KIND_WORDS: dict[str, Kind] = {
    "branch": "branch",
    "tag": "tag",
    "release": "tag",
    "commit": "commit",
    "sha": "commit",
    "pr": "pull",
    "pull": "pull",
    "mr": "pull",
}

_EXAMPLE = "for instance `https://github.com/owner/plugin v1.0.0`"
_EMPTY = f"There is nothing to review in that. Give the repository and a tag or commit, {_EXAMPLE}."
_HIDDEN = f"That has line breaks or invisible characters in it. Type the address afresh, {_EXAMPLE}."
_TOO_LONG = f"That is too long for a reference. Give only the repository and a tag or commit, {_EXAMPLE}."
_STRUCK_OUT = "That is struck out. Give the tag or commit that holds now."
_NO_REPOSITORY = f"I can't tell the repository from that. Give its https address and a tag or commit, {_EXAMPLE}."
_ONLY_HTTPS = f"I only read repositories over https. Give the address that starts with `https://`, {_EXAMPLE}."
_CREDENTIALS = "There is a user name or password in that address. Take it out; if it was a secret, renew it now."
_NOT_PUBLIC = "That host isn't a public one. Give the address of a public repository, with the host's name."
_NOT_CODE = f"That link leads to the repository, but not to code in it. Give a tag or commit, {_EXAMPLE}."
_BUILT = (
    f"That is a built plugin, and only its source can be reviewed. Give the repository and a tag or commit, {_EXAMPLE}."
)
_TWO_THINGS = f"That names more than one thing to review. Give one tag or one commit, {_EXAMPLE}."
_BAD_NAME = "git has no branch or tag with such a name. Give the name as the repository shows it, or the commit."
_BAD_COMMIT = "That isn't a commit: a commit is 7 to 40 characters of 0-9 and a-f. Copy it from the repository."
_BAD_NUMBER = "That isn't the number of a pull request. Give the number alone, or the link to it."


class BadReference(ValueError):  # noqa: N818 - the sentence is for people, it reads as what it is
    """The text can't be read as a reference; the message is a sentence for whoever wrote it and never repeats it."""


@dataclass(frozen=True)
class Reference:
    """A repository and a place in it; `str()` gives a text that is read back to the same value."""

    repository: str  # https, host in lower case, no trailing slash, no .git
    kind: Kind  # unknown: a name that may be a tag's or a branch's
    name: str  # "", or a branch, a tag, a commit of 7 to 40 lower-case hex digits, a pull request's number
    path_may_follow: bool = False  # the name comes from a link and may end in a path: "main/server"

    def __str__(self) -> str:
        full = {"branch": "refs/heads/", "tag": "refs/tags/", "pull": "#"}.get(self.kind, "") + self.name
        if self.path_may_follow:
            return f"{self.repository}/tree/{quote(full, safe='/')}"
        commit = "commit " if self.kind == "commit" else ""
        return f"{self.repository} {commit}{full}".rstrip()


def parse_reference(text: str, *, repository: str = "", plain_http_hosts: frozenset[str] = frozenset()) -> Reference:
    """Read a link, `owner/repo`, `repo@ref`, `repo ref`, or, when the canonical repository is known, a bare ref.

    `plain_http_hosts` are the `host:port` pairs that may be read over http. Raises BadReference.
    """
    words = _words(text)
    address = _as_address(words[0], repository)
    if address:
        found = _from_address(address, plain_http_hosts)
        words = words[1:]
    elif repository:
        found = _from_address(repository, plain_http_hosts)
    else:
        raise BadReference(_NO_REPOSITORY)
    if not words:
        return found
    said = _from_words(found.repository, words)
    if found.kind != "default" and found.name != said.name:
        raise BadReference(_TWO_THINGS)
    return said if found.kind in {"default", "unknown"} else found


def repository_key(url: str) -> str:
    """Give `github.com/owner/repo` in lower case, to compare repositories by; "" when it isn't a repository's URL."""
    url = url.strip()
    ssh = _SSH.fullmatch(url)
    parts = _ADDRESS.fullmatch(f"https://{ssh[1] or ssh[2]}/{ssh[3]}" if ssh else url)
    if not parts or parts[1].lower() not in {"http", "https"} or not _BARE_HOST.fullmatch(parts[2]):
        return ""
    host = re.sub(r"\.?(:(80|443))?$", "", parts[2].lower()).removeprefix("www.")
    try:
        return _locate(f"https://{host}", parts[3].partition("@")[0])[0].removeprefix("https://").lower()
    except BadReference:
        return ""


def is_ref_name(name: str) -> bool:
    """Tell whether git would take this as a branch's or tag's name and we are ready to show and to fetch it."""
    return bool(
        name
        and name == _unwrapped(name)
        and len(name.encode(errors="replace")) <= MAX_NAME
        and name[0] not in "-/.@"
        and name[-1] not in "/."
        and not _FORBIDDEN.search(name)
        and not has_hidden(name)
    )


def has_hidden(text: str) -> bool:
    """Tell whether there are control, direction-changing, unassigned or lone surrogate characters in a text."""
    joiners = "\u200c\u200d"  # emoji and several scripts need them
    return any(c not in joiners and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"} for c in text)


def _words(text: str) -> list[str]:
    """Give the words without Markdown and punctuation around them; at least one."""
    text = text.strip()
    if len(text) > MAX_TEXT:
        raise BadReference(_TOO_LONG)
    if has_hidden(text):
        raise BadReference(_HIDDEN)
    if "~~" in text:
        raise BadReference(_STRUCK_OUT)
    if link := _LINK.fullmatch(_unwrapped(text, ends="")):
        text = f"{link[1]} {link[2]}"
    words = [_unwrapped(word) for word in text.split()]
    last = len(words) - 1
    words = [word for i, word in enumerate(words) if word and (i == last or word not in {"@", "at"})]
    if not words:
        raise BadReference(_EMPTY)
    return words


def _unwrapped(word: str, ends: str = ".,;:!?") -> str:
    """Take quotes, emphasis, brackets and final punctuation off a word."""
    before = ""
    while word and word != before:
        before = word
        word = word.strip("'\"`*").rstrip(ends)
        first, last = word[:1], word[-1:]
        if first in _PAIRS and (_PAIRS[first] not in word or (_PAIRS[first] == last and word.count(first) == 1)):
            word = word[1:]
        elif any(close == last and opening not in word for opening, close in _PAIRS.items()):
            word = word[:-1]
    return word


def _as_address(word: str, repository: str) -> str:
    """Turn what names a repository into a URL, perhaps with `@ref` behind it; "" when the word names none."""
    if ssh := _SSH.fullmatch(word):
        return f"https://{ssh[1] or ssh[2]}/{ssh[3]}"
    if "://" in word:
        return word
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*::?", word) or word.startswith(("-", "/", ".", "\\")):
        raise BadReference(_BAD_NAME if repository else _ONLY_HTTPS)
    if word.lower().startswith(_WELL_KNOWN):
        return f"https://{word}"
    short = _SHORT.fullmatch(word)
    # beside a known repository, `feature/login` is a branch; only its own name stands for it
    if short and (not repository or repository_key(repository) == repository_key(f"https://{_GITHUB}/{short[1]}")):
        return f"https://{_GITHUB}/{word}"
    return ""


def _from_address(address: str, plain_http_hosts: frozenset[str]) -> Reference:
    origin, path, tail = _split(address, plain_http_hosts)
    before, at, after = path.partition("@")
    repository, page = _locate(origin, before)
    if at and not page:
        return _ref(repository, after + tail)
    if at:  # it belongs to the ref or the path of a link
        repository, page = _locate(origin, path)
    return _page(repository, page, gitlab="/-/" in path)


def _split(url: str, plain_http_hosts: frozenset[str]) -> tuple[str, str, str]:
    """Give scheme with host and port, the path still encoded, and query with fragment."""
    parts = _ADDRESS.fullmatch(url)
    if not parts or "\\" in url:
        raise BadReference(_NO_REPOSITORY)
    scheme, host = parts[1].lower(), parts[2].lower()
    if "@" in host:
        raise BadReference(_CREDENTIALS)
    if scheme == "http" and host in plain_http_hosts:
        return f"http://{host}", parts[3], parts[4]
    if scheme != "https":
        raise BadReference(_ONLY_HTTPS)
    return f"https://{_public_host(host)}", parts[3], parts[4]


def _public_host(host: str) -> str:
    match = _HOST.fullmatch(host)
    if not match or len(host) > 255 or any(f".{match[1]}".endswith(f".{private}") for private in _PRIVATE):  # noqa: PLR2004 - DNS's limit
        raise BadReference(_NOT_PUBLIC)
    name, port = match[1], int(match[2] or 443)
    if not 0 < port < 65536:  # noqa: PLR2004 - TCP's limit
        raise BadReference(_NOT_PUBLIC)
    if name in {"www.github.com", "www.gitlab.com"}:
        name = name.removeprefix("www.")
    return name if port == 443 else f"{name}:{port}"  # noqa: PLR2004 - https


def _locate(origin: str, path: str) -> tuple[str, list[str]]:
    """Tell the repository's URL from the segments of a page in it; GitLab's groups may nest."""
    segments = [segment for segment in path.split("/") if segment]
    end = next((i for i, segment in enumerate(segments) if i > 1 and segment in _PAGES), len(segments))
    if origin == f"https://{_GITHUB}":
        end = min(end, 2)
    page = segments[end:]
    if "-" in segments[: end + 1]:
        end = segments.index("-")
        page = segments[end + 1 :]
    repository = segments[:end]
    while repository and repository[-1].lower().endswith(".git"):
        repository[-1] = repository[-1][:-4]
    if len(repository) < 2 or any(not _SEGMENT.fullmatch(s) for s in repository):  # noqa: PLR2004 - owner and name
        raise BadReference(_NO_REPOSITORY)
    if repository[-1].lower().endswith(_ARCHIVES):
        raise BadReference(_BUILT)
    return f"{origin}/{'/'.join(repository)}", page


def _page(repository: str, page: list[str], *, gitlab: bool) -> Reference:
    """Read what follows the repository in a link."""
    try:
        page = [unquote(segment, errors="strict") for segment in page]
    except UnicodeDecodeError:
        raise BadReference(_BAD_NAME) from None
    match page:
        case []:
            return Reference(repository, "default", "")
        case ["pull" | "pulls" | "merge_requests", _, "commits", commit, *_]:
            return _of_kind(repository, "commit", commit)
        case ["pull" | "pulls" | "merge_requests", number, *_]:
            return _of_kind(repository, "pull", number)
        case ["commit", commit, *_] | ["src", "commit", commit, *_]:
            return _of_kind(repository, "commit", commit)
        case ["tree" | "commits" | "src" | "blob" | "raw" | "blame" | "edit", _, *_]:
            return _place(repository, page)
        case _:
            return _release(repository, page, gitlab=gitlab)


def _place(repository: str, page: list[str]) -> Reference:
    """Read a link to a folder or file, in which a ref may be followed by a path."""
    match page:
        case ["src", "branch", *rest]:
            full = ["refs", "heads", *rest]
        case ["src", "tag", *rest]:
            full = ["refs", "tags", *rest]
        case ["blob" | "raw" | "blame" | "edit", *rest]:
            full = rest[:-1] or rest
        case _:
            full = page[1:]
    if _is_commit(full[0]):
        return _of_kind(repository, "commit", full[0])
    return _ref(repository, "/".join(full), path=True)


def _release(repository: str, page: list[str], *, gitlab: bool) -> Reference:
    match page:
        case ["releases", "download", *_]:
            raise BadReference(_BUILT)
        case ["releases", "tag", _, *_]:
            return _of_kind(repository, "tag", "/".join(page[2:]))
        case ["releases" | "tags", name] if gitlab and name != "permalink":
            return _of_kind(repository, "tag", name)
        case ["archive" | "tarball" | "zipball", _, *_]:
            names = page[1:-1] if gitlab and len(page) > 2 else page[1:]  # noqa: PLR2004 - GitLab: archive/<ref>/<file>
            name = "/".join(names)
            for ending in _ARCHIVES:
                name = name.removesuffix(ending)
            return _ref(repository, name)
        case [*_, last] if last.lower().endswith(_ARCHIVES):
            raise BadReference(_BUILT)
        case _:
            raise BadReference(_NOT_CODE)


def _from_words(repository: str, words: list[str]) -> Reference:
    if len(words) > 1:
        kind = _KIND_WORDS.get(words[0].lower())
        if kind is None or len(words) > 2:  # noqa: PLR2004 - "tag v1.0.0"
            raise BadReference(_TWO_THINGS)
        name = words[1].removeprefix("#") if kind == "pull" else words[1]
        return _of_kind(repository, kind, name)
    return _ref(repository, words[0].removeprefix("@"))


def _ref(repository: str, name: str, *, path: bool = False) -> Reference:
    """Tell from a name alone what it can be."""
    if pull := re.fullmatch(r"(?:#|!|pull/|refs/pull/|refs/merge-requests/)([0-9]+)(?:/(?:head|merge))?", name):
        return _of_kind(repository, "pull", pull[1])
    if name == "HEAD" or (path and name.startswith("HEAD/")):
        return Reference(repository, "default", "")
    if name.startswith("refs/heads/"):
        return _of_kind(repository, "branch", name.removeprefix("refs/heads/"), path=path)
    if name.startswith("refs/tags/"):
        return _of_kind(repository, "tag", name.removeprefix("refs/tags/"), path=path)
    if _is_commit(name):
        return _of_kind(repository, "commit", name)
    if name.startswith("refs/"):
        raise BadReference(_BAD_NAME)
    return _of_kind(repository, "unknown", name, path=path)


def _is_commit(name: str) -> bool:
    """Tell a commit by its looks; digits alone are as likely a date, which `resolve` tells apart."""
    return bool(_HEX.fullmatch(name)) and (len(name) == 40 or not name.isdigit())  # noqa: PLR2004 - a whole SHA-1


def _of_kind(repository: str, kind: Kind, name: str, *, path: bool = False) -> Reference:
    if kind == "commit":
        if not _HEX.fullmatch(name):
            raise BadReference(_BAD_COMMIT)
        return Reference(repository, kind, name.lower())
    if kind == "pull":
        if not _NUMBER.fullmatch(name) or not int(name):
            raise BadReference(_BAD_NUMBER)
        return Reference(repository, kind, str(int(name)))
    if not is_ref_name(name):
        raise BadReference(_BAD_NAME)
    return Reference(repository, kind, name, path_may_follow=path and "/" in name)
