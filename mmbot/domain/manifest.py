"""JSON as every reader of a `plugin.json` understands it: what could mean different things to different readers is no manifest."""

import json
import math


class BadManifest(ValueError):  # noqa: N818 - the sentence is for people, it reads as what it is
    """The file isn't a manifest; the message is a sentence that quotes little of it."""


def json_object(data: bytes, max_bytes: int) -> dict[str, object]:
    """Give the JSON object of a manifest's bytes, or raise BadManifest.

    A server takes the last of two fields of one name, or mixes them, so nothing may be said twice.
    """
    if len(data) > max_bytes:
        raise BadManifest(f"plugin.json is larger than {max_bytes // 1024} KiB.")
    try:
        value = json.loads(
            data.decode(), object_pairs_hook=_once, parse_constant=_no_number, parse_float=_float, parse_int=_int
        )
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        raise BadManifest("plugin.json isn't UTF-8 text.") from None
    except UnicodeEncodeError:  # such as \ud800
        raise BadManifest("plugin.json has invisible characters in it, halves of others.") from None
    except RecursionError:
        raise BadManifest("plugin.json is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise BadManifest(f"plugin.json isn't JSON: see line {error.lineno}, column {error.colno}.") from None
    if not isinstance(value, dict):
        raise BadManifest("plugin.json isn't a JSON object.")
    return value


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name in fields:
            raise BadManifest(
                f"plugin.json says `{name}` twice." if _plain(name) else "plugin.json says a field twice."
            )
        fields[name] = value
    return fields


def _plain(name: str) -> bool:
    return name.isascii() and name.isidentifier() and len(name) <= 40  # noqa: PLR2004 - no field's name is longer


def _int(digits: str) -> int | float:
    number = _float(digits)
    return int(digits) if abs(number) < 2**63 else number  # a server reads them as such, too


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise BadManifest("plugin.json has a number in it that is too long.")
    return number


def _no_number(name: str) -> float:
    raise BadManifest(f"plugin.json has {name} in it, which isn't JSON.")
