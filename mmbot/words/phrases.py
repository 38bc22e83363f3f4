"""The small forms of speech that all posts share: people's words made harmless, dates, commits, lists."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MB = "\ue000"
"""Stands for the slash command's trigger (`/mb` unless configured otherwise) until a text leaves."""

_URL = re.compile(r"https?://[^\s`<>|]*[^\s`<>|.,:;!?)]", re.IGNORECASE)
_SPECIAL = re.compile(r"([`*_\[\]()!|]|\\(?![^\W_]))")
"""What a backslash keeps from formatting in Mattermost; before a letter, a backslash is one already."""
_LEADING = re.compile(r"[-+=>]|\d+[.)]")
_ACTIVE = re.compile(r"([@#~:&])")
"""What is acted on without regard to a backslash before it: mentions, hashtags, channels, emoji, `&commat;`."""
LESS = "&lt;"
"""How `<` is written: clients make a link of `<` to `>` around any `@` or `:/`, whatever stands between."""
_WWW = re.compile(r"(www\d{0,3})\.", re.IGNORECASE)
_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ue000"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_HOSTS = re.compile(r"[a-z0-9.-]+(?::\d+)?")
_ADDRESS = re.compile(r"[!#-'*-;=?-Z^_a-{}~]+")
"""What an address may consist of to stand in a Markdown link."""


def plain(text: str, limit: int = 300) -> str:
    """What a person typed, on one line, so that it can neither mention, link, load an image nor format; cut to `limit` characters."""
    words = " ".join(_INVISIBLE.sub("", text).split())
    if len(words) > limit:
        words = words[: limit - 1].rstrip() + "…"
    parts, start = [], 0
    for url in _URL.finditer(words):
        parts += [_escaped(words[start : url.start()]), f"`{url.group()}`"]
        start = url.end()
    return "".join([*parts, _escaped(words[start:])])


def quoted(text: str, limit: int = 3000) -> str:
    """What a person typed, as a quotation that keeps its lines and ends with an empty one; harmless as `plain` is."""
    lines = [plain(line, limit) for line in f"{text[:limit]}{'…' * (len(text) > limit)}".splitlines()]
    inert = ("\u200b" + line if _LEADING.match(line) else line for line in lines if line)
    return ("\n".join(f"> {line}" for line in inert) or "> …") + "\n"


def code(text: str, limit: int = 120) -> str:
    """Text in a code span, whatever it contains."""
    words = " ".join(_INVISIBLE.sub("", text).split()).replace("`", "'")
    return f"`{words[: limit - 1] + '…' if len(words) > limit else words}`" if words else "` `"


def block(text: str, language: str = "", limit: int = 1500) -> str:
    """Text in a code block that it can't leave, each line of it on one line; nobody is mentioned in it."""
    words = text if len(text) <= limit else f"{text[: limit - 2]}\n…"
    lines = (
        _INVISIBLE.sub("", line).replace("`", "'").rstrip()
        for line in re.split(r"\r\n|[\n\r\v\f\x85\u2028\u2029]", words)
    )
    inert = "\n".join(lines).replace("@", "@\u200b").replace("~~~", "~\u200b~\u200b~")
    return f"```{language}\n{inert}\n```"


def typed(line: str) -> str:
    """A command as it is typed, in a code span: `/mb approve MB-7 qa`."""
    return f"`{MB} {code(line)[1:-1]}`"


def ended(words: str) -> str:
    """Words as a sentence: with a full stop, unless they end with a mark of their own."""
    return words if words.endswith((".", "!", "?", "…")) else f"{words}."


def _escaped(text: str) -> str:
    text = _ACTIVE.sub("\\1\u200b", _SPECIAL.sub(r"\\\1", text)).replace("<", LESS)
    if "$" in text:  # two of them on a line are a formula, and nothing but a code span stops that
        text = re.sub(r"(\$+)", "`\\1`\u200b", text)
    return _WWW.sub("\\1\u200b.", text)


def link(label: str, url: str) -> str:
    """A Markdown link, where the address is a plain https one; else the label alone. The label is ours, or made harmless before."""
    if not _ADDRESS.fullmatch(url):
        return label
    parts = urlsplit(url)
    plain_one = parts.scheme in {"http", "https"} and _HOSTS.fullmatch(parts.netloc.lower())
    return f"[{label}]({url})" if plain_one else label


def thread_at(url: str) -> str:
    """A ticket's thread, linked where its address is known."""
    return link("its thread", url)


def commit(repository: str, sha: str) -> str:
    """A commit as people read it: seven characters, linked."""
    return link(f"`{sha[:7]}`", _page(repository, f"commit/{sha}")) if sha else "an unknown commit"


def compare(repository: str, before: str, after: str) -> str:
    """A link to what changed between two refs of a repository."""
    shown = plain(f"{_short(before)}…{_short(after)}", 100)
    return link(f"compare {shown}", _page(repository, f"compare/{before}...{after}"))


def _short(ref: str) -> str:
    return ref[:7] if re.fullmatch(r"[0-9a-f]{40}", ref) else ref


def _page(repository: str, path: str) -> str:
    between = "/-/" if (urlsplit(repository).hostname or "").startswith("gitlab.") else "/"
    return f"{repository.rstrip('/')}{between}{path}"


def zone_of(name: str) -> tzinfo:
    """A time zone by its IANA name; UTC where it is unknown."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def day(at: int) -> str:
    """A date in UTC, as it stands in posts that everybody reads: `9 Nov`."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return f"{moment.day} {moment:%b}"


def date(at: int) -> str:
    """A date in UTC with its year, for what may be long ago: `9 Nov 2026`."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return f"{moment.day} {moment:%b %Y}"


def minute(at: int) -> str:
    """A moment in UTC, for a record: `9 Nov 2026 10:05`."""
    return f"{date(at)} {datetime.fromtimestamp(at / 1000, UTC):%H:%M}"


def ago(at: int, now: int) -> str:
    """How long ago, in words for an answer that is read now: `today`, `1 day`, `9 days`."""
    days = (now - at) // 86_400_000
    return "today" if days <= 0 else f"since {plural(days, 'day')}"


def past(at: int, now: int) -> str:
    """How long something is over, in words that are read now: `today`, `1 day ago`."""
    days = now // 86_400_000 - at // 86_400_000
    return "today" if days <= 0 else f"{plural(days, 'day')} ago"


def when(at: int, zone: str) -> str:
    """A moment for one reader, in their own zone: `Fri 4 Dec, 14:00 your time`."""
    moment = datetime.fromtimestamp(at / 1000, zone_of(zone))
    suffix = "your time" if zone and zone_of(zone) is not UTC else "UTC"
    return f"{moment:%a} {moment.day} {moment:%b}, {moment:%H:%M} {suffix}"


def clock(at: int, zone: str) -> str:
    """The time of day for one reader, in their own zone: `14:00 your time`."""
    return when(at, zone).rpartition(", ")[2]


def plural(number: int, noun: str) -> str:
    """A count with its noun: `1 item`, `2 items`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(words: Iterable[str], between: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    all_words = list(words)
    if len(all_words) < 2:  # noqa: PLR2004 -- one word needs no "and"
        return "".join(all_words)
    return f"{', '.join(all_words[:-1])} {between} {all_words[-1]}"
