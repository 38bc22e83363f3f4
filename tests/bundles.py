"""Plugin bundles made block by block, so that they can be as wrong as an attacker makes them."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BLOCK = 512
AT = 1_600_000_000
MANIFEST: Mapping[str, Any] = {
    "id": "com.example.remind",
    "name": "Remind",
    "version": "1.2.3",
    "min_server_version": "6.2.1",
    "homepage_url": "https://example.com/remind",
    "icon_path": "assets/icon.svg",
    "server": {
        "executables": {
            "linux-amd64": "server/dist/plugin-linux-amd64",
            "darwin-amd64": "server/dist/plugin-darwin-amd64",
            "windows-amd64": "server/dist/plugin-windows-amd64.exe",
        }
    },
    "webapp": {"bundle_path": "webapp/dist/main.js"},
}
FILES: Mapping[str, bytes] = {
    "assets/icon.svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "server/dist/plugin-linux-amd64": b"linux" * 300,
    "server/dist/plugin-darwin-amd64": b"darwin" * 300,
    "server/dist/plugin-windows-amd64.exe": b"windows" * 300,
    "webapp/dist/main.js": b"export {};\n" * 99,
}


def header(
    name: bytes,
    *,
    size: int = 0,
    kind: bytes = b"0",
    mode: int = 0o644,
    over: Mapping[int, bytes] | None = None,
    checksum: int | None = None,
) -> bytes:
    """One block; `over` lays bytes over the finished fields by their places, before the checksum is reckoned."""
    block = bytearray(BLOCK)
    for place, field in {
        0: name,
        100: b"%07o\0" % mode,
        108: b"0000000\0",
        116: b"0000000\0",
        124: b"%011o\0" % size,
        136: b"%011o\0" % AT,
        148: b" " * 8,
        156: kind,
        257: b"ustar\x0000",
        **(over or {}),
    }.items():
        block[place : place + len(field)] = field
    block[148:156] = b"%06o\0 " % (sum(block) if checksum is None else checksum)
    assert len(block) == BLOCK
    return bytes(block)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def entry(name: str | bytes, data: bytes = b"", *, mode: int = 0o644) -> bytes:
    return header(name if isinstance(name, bytes) else name.encode(), size=len(data), mode=mode) + padded(data)


def folder(name: str) -> bytes:
    return header(name.encode(), kind=b"5", mode=0o755)


def record(key: str, value: str) -> bytes:
    bare = f" {key}={value}\n".encode()
    length = len(bare) + 1
    while len(str(length)) + len(bare) != length:
        length = len(str(length)) + len(bare)
    return str(length).encode() + bare


def pax(data: bytes, kind: bytes = b"x") -> bytes:
    return header(b"././@PaxHeader", size=len(data), kind=kind) + padded(data)


def long_name(data: bytes) -> bytes:
    gnu = {257: b"ustar  \0"}
    return header(b"././@LongLink", size=len(data), kind=b"L", over=gnu) + padded(data)


def packed(*parts: bytes, end: bytes = bytes(2 * BLOCK)) -> bytes:
    return gzip.compress(b"".join(parts) + end, 1, mtime=0)


def manifest(**changes: object) -> bytes:
    """A plugin.json that is right but for the changes; None leaves a field out."""
    return json.dumps({k: v for k, v in {**MANIFEST, **changes}.items() if v is not None}).encode()


def plugin(*more: bytes, top: str = "com.example.remind/", leave_out: str = "", **changes: object) -> bytes:
    """A bundle of a plugin that is right but for what is left out, changed in its manifest, and more parts."""
    parts = [entry(f"{top}plugin.json", manifest(**changes))]
    for name, data in FILES.items():
        if name != leave_out:
            parts.append(entry(top + name, data, mode=0o755 if name.startswith("server/") else 0o644))
    return packed(*parts, *more)


def written(folder: Path, data: bytes) -> Path:
    path = folder / "bundle.tar.gz"
    path.write_bytes(data)
    return path
