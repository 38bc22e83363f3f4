"""JSON as Go reads and writes it, byte for byte: the Marketplace's own programs are written in Go."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

MAX_DEPTH = 100
"""How deep values may be nested; the deepest of all listed plugins have eight levels."""

_LONE = re.compile("[\ud800-\udfff]")
_PLAIN_FROM, _PLAIN_BELOW = 1e-6, 1e21
"""Between these, Go writes a number without an exponent."""


class BadJson(ValueError):  # noqa: N818 -- the sentence is for people, it reads as what it is
    """The text is not JSON as Go reads it; the message says where, and quotes nothing of it."""


class Pairs(list[tuple[str, Any]]):
    """An object with its keys in order, and all of them where one is said twice."""


def text_of(data: bytes) -> str:
    """The text of a file; bytes that are no UTF-8 become lone surrogates, so that `bytes_of` gives them back."""
    return data.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    """What `text_of` was made from."""
    return text.encode("utf-8", "surrogateescape")


def scan(text: str, start: int) -> tuple[Any, int]:
    """The value at a place in a text and where it ends. Objects are dicts, all numbers floats. Raises BadJson."""
    return _scan(_DICTS, text, start)


def parse(text: str) -> Any:  # noqa: ANN401 -- any JSON
    """The one value of a text; its objects are Pairs, all numbers floats. Raises BadJson."""
    body = text.strip(" \t\r\n")
    value, end = _scan(_PAIRS, body, 0)
    if end != len(body):
        raise BadJson("it goes on after its end")
    return value


def encode(value: object, depth: int = 0, *, order: bool = False) -> str:
    """A value as Go's encoder writes it with an indent of two blanks and without HTML escapes, for a place `depth` levels deep.

    `order` sorts the keys of objects, as of a Go map. Takes dicts, Pairs, sequences, texts, numbers, booleans and None. Raises BadJson.
    """
    if depth > MAX_DEPTH:
        raise BadJson("it is nested too deeply")
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return _number(float(value))
    if isinstance(value, Mapping | Pairs):
        pairs = sorted(dict(value).items()) if order else list(value.items() if isinstance(value, Mapping) else value)
        return _wrapped("{}", (f"{_text(k)}: {encode(v, depth + 1, order=order)}" for k, v in pairs), depth)
    if isinstance(value, Sequence):
        return _wrapped("[]", (encode(x, depth + 1, order=order) for x in value), depth)
    raise TypeError(type(value).__name__)


def valid(text: str) -> str:
    """A text as Go holds it: each byte that is no UTF-8, and each half of a pair, is the replacement character."""
    return _LONE.sub("\ufffd", text)


def _scan(decoder: json.JSONDecoder, text: str, start: int) -> tuple[Any, int]:
    try:
        return decoder.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise BadJson(f"see line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise BadJson("it is nested too deeply") from None


def _wrapped(marks: str, items: Iterator[str], depth: int) -> str:
    inner, outer = "\n" + "  " * (depth + 1), "\n" + "  " * depth
    body = f",{inner}".join(items)
    return f"{marks[0]}{inner}{body}{outer}{marks[1]}" if body else marks


def _text(value: str) -> str:
    quoted = json.dumps(valid(value), ensure_ascii=False)
    return quoted.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _number(value: float) -> str:
    """A float as Go's encoder writes it: the fewest digits that mean it."""
    if not math.isfinite(value):
        raise BadJson("a number in it is too large")
    sign, size = ("-" if math.copysign(1, value) < 0 else ""), abs(value)
    digits, exponent = _digits(size)
    if size and not _PLAIN_FROM <= size < _PLAIN_BELOW:
        rest = f".{digits[1:]}" if digits[1:] else ""
        return f"{sign}{digits[0]}{rest}e{'-' if exponent < 0 else '+'}{abs(exponent)}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole, part = digits[: exponent + 1].ljust(exponent + 1, "0"), digits[exponent + 1 :]
    return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"


def _digits(size: float) -> tuple[str, int]:
    """The digits of a float without trailing zeros, and the exponent of the first."""
    mantissa, _, power = f"{size!r}".partition("e")
    whole, _, part = mantissa.partition(".")
    digits = (whole + part).lstrip("0")
    leading = len(whole + part) - len(digits)
    return digits.rstrip("0") or "0", (len(whole) - 1 - leading + int(power or 0)) if digits.strip("0") else 0


def _no_constant(_name: str) -> NoReturn:
    raise BadJson("it has a number in it that is none")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise BadJson("a number in it is too large")
    return value


_DICTS = json.JSONDecoder(parse_float=_finite, parse_int=_finite, parse_constant=_no_constant)
_PAIRS = json.JSONDecoder(parse_float=_finite, parse_int=_finite, parse_constant=_no_constant, object_pairs_hook=Pairs)
