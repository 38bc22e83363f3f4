"""What a change of the Marketplace's database is: entry by entry for people, and as a patch that applies."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from mmbot.domain.listing import Database, Entry

_CONTEXT = 3
_TOO_MANY = 4_000_000
"""Pairs of lines above which the middle of a file is replaced as a whole: matching them would take seconds."""


@dataclass(frozen=True)
class Change:
    """One release that came, went or changed; `fields` are those that changed, with the old and the new value."""

    kind: Literal["added", "removed", "changed"]
    entry: Entry
    fields: tuple[tuple[str, Any, Any], ...] = ()


def changes(old: Database, new: Database) -> tuple[Change, ...]:
    """What differs between two databases, in the new one's order, what went last."""
    left = defaultdict(list)
    for entry in old.entries:
        left[_key(entry)].append(entry)
    found = []
    for entry in new.entries:
        same = left[_key(entry)]
        before = same.pop(0) if same else None
        if before is None:
            found.append(Change("added", entry))
        elif before.text != entry.text:
            found.append(Change("changed", entry, tuple(_fields(before.fields, entry.fields, ""))))
    return (*found, *(Change("removed", x) for rest in left.values() for x in rest))


def difference(old: bytes, new: bytes, name: str = "plugins.json") -> bytes:
    """A patch from one text to another that `git apply` and `patch -p1` take; nothing where they are the same."""
    a, b = _lines(old), _lines(new)
    hunks = list(_hunks(a, b))
    if not hunks:
        return b""
    head = f"--- a/{name}\n+++ b/{name}\n".encode()
    return head + b"".join(line for hunk in hunks for line in _written(a, b, hunk))


def _lines(text: bytes) -> list[bytes]:
    """The lines of a text with their ends; only a line feed ends one."""
    lines = [x + b"\n" for x in text.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _hunks(a: list[bytes], b: list[bytes]) -> Iterator[list[tuple[str, int, int, int, int]]]:
    """The groups of changes as difflib gives them, of what is between the lines that begin and end both."""
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    first, last = max(0, start - _CONTEXT), max(0, end - _CONTEXT)
    inner_a, inner_b = a[first : len(a) - last], b[first : len(b) - last]
    if inner_a == inner_b:
        return
    if (len(a) - end - start) * (len(b) - end - start) > _TOO_MANY:
        near, far = start - first, end - last
        yield [
            ("equal", first, start, first, start),
            ("replace", start, len(a) - end, start, len(b) - end),
            ("equal", len(a) - end, len(a) - last, len(b) - end, len(b) - last),
        ][0 if near else 1 : 3 if far else 2]
        return
    for group in SequenceMatcher(None, inner_a, inner_b, autojunk=False).get_grouped_opcodes(_CONTEXT):
        yield [(tag, i + first, j + first, k + first, m + first) for tag, i, j, k, m in group]


def _written(a: list[bytes], b: list[bytes], hunk: list[tuple[str, int, int, int, int]]) -> Iterator[bytes]:
    (_, a_from, _, b_from, _), (_, _, a_to, _, b_to) = hunk[0], hunk[-1]
    yield f"@@ -{_range(a_from, a_to)} +{_range(b_from, b_to)} @@\n".encode()
    for tag, i, j, k, m in hunk:
        if tag == "equal":
            yield from (_line(b" ", x) for x in a[i:j])
        else:
            yield from (_line(b"-", x) for x in a[i:j])
            yield from (_line(b"+", x) for x in b[k:m])


def _range(start: int, end: int) -> str:
    return f"{start + (end > start)},{end - start}"


def _line(mark: bytes, line: bytes) -> bytes:
    return mark + line if line.endswith(b"\n") else mark + line + b"\n\\ No newline at end of file\n"


def _fields(old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any, Any]]:
    for key in dict.fromkeys([*old, *new]):
        a, b = old.get(key), new.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            yield from _fields(a, b, f"{where}{key}.")
        elif a != b:
            yield f"{where}{key}", a, b


def _key(entry: Entry) -> tuple[str, str]:
    return entry.plugin_id, entry.version
