"""What a change of the Marketplace's database is: entry by entry for people, and as a patch that applies."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any, Literal

from mmbot.domain.listing import Database, Entry

_Code = tuple[Literal["replace", "delete", "insert", "equal"], int, int, int, int]
_CONTEXT = 3
_BEGIN = b"  {\n"
"""The line that begins an entry."""
_TOO_MANY = 4_000_000
"""Pairs of lines above which a part of the file is replaced as a whole: matching them would take seconds."""


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


def _hunks(a: list[bytes], b: list[bytes]) -> Iterator[list[_Code]]:
    """The groups of changes, each with the lines around it."""
    grouper: Any = SequenceMatcher(None, b"", b"")
    grouper.opcodes = list(_codes(a, b))  # found below, and grouped as difflib groups its own
    return iter(grouper.get_grouped_opcodes(_CONTEXT) if a != b else ())


def _codes(a: list[bytes], b: list[bytes]) -> Iterator[_Code]:
    """What to do with each line: compared are only those between the ends that are the same, entry with entry."""
    same = min(len(a), len(b))
    start = next((n for n in range(same) if a[n] != b[n]), same)
    end = next((n for n in range(same - start) if a[-1 - n] != b[-1 - n]), same - start)
    done_a = done_b = 0
    for i, j, k, m in _blocks(a, b, (start, len(a) - end), (start, len(b) - end)):
        for tag, o, p, q, r in _compared(a[i:j], b[k:m]):
            if tag != "equal":
                if i + o > done_a:
                    yield "equal", done_a, i + o, done_b, k + q
                yield tag, i + o, i + p, k + q, k + r
                done_a, done_b = i + p, k + r
    if done_a < len(a):
        yield "equal", done_a, len(a), done_b, len(b)


def _blocks(
    a: list[bytes], b: list[bytes], of_a: tuple[int, int], of_b: tuple[int, int]
) -> Iterator[tuple[int, int, int, int]]:
    """Where parts of two texts differ: entry and entry where as many stand between equal ones, else all of them together."""
    spans_a, spans_b = (
        list(pairwise([start, *(n for n in range(start + 1, end) if lines[n] == _BEGIN), end]))
        for lines, (start, end) in ((a, of_a), (b, of_b))
    )
    whole_a, whole_b = [b"".join(a[i:j]) for i, j in spans_a], [b"".join(b[k:m]) for k, m in spans_b]
    for tag, i, j, k, m in SequenceMatcher(None, whole_a, whole_b, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        if j - i == m - k:
            yield from ((*x, *y) for x, y in zip(spans_a[i:j], spans_b[k:m], strict=True))
        else:
            begin_a = spans_a[i][0] if i < len(spans_a) else of_a[1]
            begin_b = spans_b[k][0] if k < len(spans_b) else of_b[1]
            yield begin_a, spans_a[j - 1][1] if j > i else begin_a, begin_b, spans_b[m - 1][1] if m > k else begin_b


def _compared(a: list[bytes], b: list[bytes]) -> list[_Code]:
    if len(a) * len(b) > _TOO_MANY:
        return [("replace", 0, len(a), 0, len(b))]
    return list(SequenceMatcher(None, a, b, autojunk=False).get_opcodes())


def _written(a: list[bytes], b: list[bytes], hunk: list[_Code]) -> Iterator[bytes]:
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
