"""Headers of tar archives, read the one way in which all readers of today agree; anything else is refused."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mmbot.release.bad_bundle import BadBundle, quoted

BLOCK = 512
"""Bytes; an archive consists of blocks."""

_PACK_AGAIN = "Pack the bundle again with GNU tar or Go."
_OCTAL = re.compile(rb"[ \0]*([0-7]*)[ \0]*")
_LATEST = 8**11 - 1  # what a header's time has room for
_FORBIDDEN = {
    b"\0": "a file or folder of a very old archive",
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a device",
    b"4": "a device",
    b"6": "a pipe",
    b"7": "a contiguous file",
    b"S": "a sparse file",
    b"D": "a folder of an incremental archive",
    b"M": "a part of a file",
    b"V": "a volume's label",
    b"K": "a long link",
    b"X": "an extended header of Solaris",
}
_KINDS: Mapping[bytes, Literal["file", "folder", "extended", "global", "long name"]] = {
    b"0": "file",
    b"5": "folder",
    b"x": "extended",
    b"g": "global",
    b"L": "long name",
}
_TYPES = {"file": 0o100000, "folder": 0o040000}  # some programs write a file's type into its mode
_SET_ID, _FOLDERS_SET_ID = 0o7000, 0o4000  # a folder may hand down its group
_MAX_FIELDS = 100
_PAX_TIME = re.compile(r"(-?[0-9]{1,18})(\.[0-9]*)?")
_PAX_NUMBER = re.compile(r"-?[0-9]{1,18}")
_PAX_ALLOWED = re.compile(r"path|size|mtime|atime|ctime|uid|gid|uname|gname|comment|(?!GNU\.)[A-Z]+\..*", re.DOTALL)


@dataclass(frozen=True)
class Header:
    """One header. `name` as it stands there; `size` in bytes; `mode` the permissions alone; `mtime` in seconds since 1970."""

    kind: Literal["file", "folder", "extended", "global", "long name"]
    name: bytes
    size: int
    mode: int
    mtime: int


def read_header(block: bytes) -> Header:
    """Read one block as a header, or raise BadBundle."""
    name = _text(block[:100])
    said = _octal(block[148:156], "checksum")
    if said != sum(block) - sum(block[148:156]) + 8 * 0x20:
        raise BadBundle(f"The bundle isn't a tar archive, or a damaged one. {_PACK_AGAIN}")
    if block[257:265] == b"ustar\x0000" and block[508:] != b"tar\0":
        prefix = _text(block[345:500])
        name = prefix + b"/" + name if prefix else name
    elif block[257:265] != b"ustar  \0" or block[345:500].strip(b"\0"):
        raise BadBundle(f"The bundle is a tar archive of a kind that programs read differently. {_PACK_AGAIN}")
    kind = _KINDS.get(block[156:157])
    if kind is None:
        what = _FORBIDDEN.get(block[156:157], "something unknown")
        raise BadBundle(f"The bundle has {_shown(name)}, {what}. Only files and folders may be in it.")
    for number in (block[108:116], block[116:124], block[329:337], block[337:345]):
        if not number[0] & 0x80:  # whose it was, and devices: of no interest, but a reader may stumble over them
            _octal(number, "number")
    size = _octal(block[124:136], "size")
    if kind == "folder" and size:
        raise BadBundle(f"The bundle has {_shown(name)}, a folder with contents of its own. {_PACK_AGAIN}")
    return Header(kind, name, size, _mode(block[100:108], kind, name), _mtime(block[136:148]))


def read_extended(data: bytes) -> Mapping[str, str]:
    """Read the contents of a pax header as fields, or raise BadBundle where readers would not agree on them."""
    fields: dict[str, str] = {}
    begin = 0
    while begin < len(data):
        length, _, _ = data[begin : begin + 8].partition(b" ")
        end = begin + int(length) if length.isdigit() and not length.startswith(b"0") else 0
        if not begin + len(length) < end <= len(data):
            raise BadBundle(f"The bundle has a broken pax header. {_PACK_AGAIN}")
        record, begin = data[begin + len(length) + 1 : end], end
        raw_key, equals, raw_value = record.removesuffix(b"\n").partition(b"=")
        try:
            key, value = raw_key.decode(), raw_value.decode()
        except UnicodeDecodeError:
            raise BadBundle(f"The bundle has a pax header that isn't UTF-8 text. {_PACK_AGAIN}") from None
        if not record.endswith(b"\n") or not equals or not key or "\0" in key or key in fields:
            raise BadBundle(f"The bundle has a broken pax header. {_PACK_AGAIN}")
        if not _PAX_ALLOWED.fullmatch(key):
            raise BadBundle(
                f"The bundle has a pax header with {quoted(key)}, which a bundle doesn't need. {_PACK_AGAIN}"
            )
        _check_field(key, value)
        fields[key] = value
        if len(fields) > _MAX_FIELDS:
            raise BadBundle(f"The bundle has a pax header of more than {_MAX_FIELDS} fields. {_PACK_AGAIN}")
    return fields


def extended_size(fields: Mapping[str, str], header: Header) -> None:
    """Raise BadBundle where a pax header gives another size than the file's own header: half of all readers would be wrong."""
    if "size" in fields and fields["size"] != str(header.size):
        raise BadBundle(f"The bundle has {_shown(header.name)} with two sizes. {_PACK_AGAIN}")


def pax_mtime(fields: Mapping[str, str], header: Header) -> int:
    """Give the whole seconds since 1970 at which an entry was last changed."""
    return _in_range(int(fields["mtime"].partition(".")[0])) if "mtime" in fields else header.mtime


def _check_field(key: str, value: str) -> None:
    fits = {
        "path": bool(value) and "\0" not in value,
        "size": value.isdecimal() and value.isascii(),
        "uname": "\0" not in value,
        "gname": "\0" not in value,
        "uid": bool(_PAX_NUMBER.fullmatch(value)),
        "gid": bool(_PAX_NUMBER.fullmatch(value)),
    }
    if not (_PAX_TIME.fullmatch(value) if key in {"mtime", "atime", "ctime"} else fits.get(key, True)):
        raise BadBundle(f"The bundle has a pax header with a strange {quoted(key)}. {_PACK_AGAIN}")


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _octal(field: bytes, what: str) -> int:
    digits = _OCTAL.fullmatch(field)
    if digits is None:  # among them the numbers that are too large for octal digits
        raise BadBundle(f"The bundle isn't a tar archive, or has a strange {what} in it. {_PACK_AGAIN}")
    return int(digits[1] or b"0", 8)


def _mode(field: bytes, kind: str, name: bytes) -> int:
    mode = _octal(field, "mode")
    if kind not in _TYPES:
        return 0
    if mode & ~0o7777 not in {0, _TYPES[kind]}:  # a server takes the high bits for something else
        raise BadBundle(f"The bundle has {_shown(name)} with a strange mode. {_PACK_AGAIN}")
    if mode & (_SET_ID if kind == "file" else _FOLDERS_SET_ID):
        raise BadBundle(f"The bundle has {_shown(name)} with a set-user-id, set-group-id or sticky bit. Take it off.")
    return mode & 0o777


def _mtime(field: bytes) -> int:
    if not field[0] & 0x80:
        return _in_range(_octal(field, "time"))
    value = int.from_bytes(bytes([field[0] & 0x7F | (field[0] & 0x40) << 1, *field[1:]]), signed=True)
    if not -(2**63) <= value < 2**63:
        raise BadBundle(f"The bundle has a strange time in it. {_PACK_AGAIN}")
    return _in_range(value)


def _in_range(seconds: int) -> int:
    return min(max(seconds, 0), _LATEST)


def _shown(name: bytes) -> str:
    return quoted(name.decode(errors="replace"))
