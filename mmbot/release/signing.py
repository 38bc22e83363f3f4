"""Detached OpenPGP signatures, made and verified by gpg in homes that are nobody else's."""

import asyncio
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from mmbot.processes import kill_group

_PREFIX = "mmbot-gpg-"
_A_DAY = 86_400  # seconds
_SECONDS = 300  # that gpg may take over one file
_AT_ONCE = 2
_MAX_KEY = 2**20  # bytes of a public key
_MAX_SIGNATURE = 2**14  # bytes
_MIN_BITS = 2048
_RSA = "1"
_SHA2 = frozenset({8, 9, 10})  # SHA-256, SHA-384, SHA-512
_MAX_HOME = 66  # characters of the path to where a home is made: with its name and that of its longest socket it has at most 107
_ISOLATED = ("--no-options", "--batch", "--no-tty", "--no-autostart", "--disable-dirmngr", "--lock-never")
_TRUSTING = ("--trust-model", "always", "--no-auto-check-trustdb", "--no-random-seed-file", "--status-fd", "1")
_AGENT = ("--no-options", "--default-cache-ttl", "0", "--max-cache-ttl", "0", "--disable-scdaemon", "--quiet")
_UNUSABLE = {"e": "has expired", "r": "is revoked", "i": "is invalid", "d": "is disabled", "n": "isn't valid"}
_UNUSABLE_KEY = 54
_FAILURES = {  # the lower 16 bits of what gpg says after FAILURE
    11: "The passphrase in `signing.passphrase` isn't that of the signing key.",
    17: "`signing.home` doesn't hold the secret key that `signing.fingerprint` names.",
    _UNUSABLE_KEY: "The key that `signing.fingerprint` names can't sign. Give the fingerprint of its subkey that can.",
}
_NOT_SIGNED = "gpg can't sign with the key that `signing.fingerprint` names. Try it by hand in `signing.home`."


class BadKey(Exception):  # noqa: N818 - the sentence is for people, it reads as what it is
    """The signing key can't be used as it is configured; the message is a sentence for the operator."""


class BadSignature(Exception):  # noqa: N818 - likewise
    """A file isn't signed as it should be; the message is a sentence that names the file."""


@dataclass(frozen=True)
class Key:
    """What signs: a home of gpg's that holds the secret key, its 40 hex digits, its public half, and the passphrase."""

    home: Path
    fingerprint: str
    public_key: Path
    passphrase: str = field(repr=False)


@dataclass(frozen=True)
class KeyState:
    """What the public half tells of the key that signs: its bits, and until when it may, in seconds UTC, 0 where that has no end."""

    bits: int
    until: int


async def state(key: Key, workdir: Path) -> KeyState:
    """Look at the public half of the key that signs, in a temporary home inside `workdir`. Raises BadKey."""
    with TemporaryDirectory(prefix="gpg-", dir=workdir, ignore_cleanup_errors=True) as folder:
        return await _know(Path(folder), key.public_key, key.fingerprint)


async def sign(
    files: Sequence[Path], key: Key, progress: Callable[[int, int], None], workdir: Path | None = None
) -> None:
    """Write `<file>.sig` beside each file; one that is there already and good is kept. `progress` counts files.

    gpg works in a temporary home to which the secret key is only linked: inside `workdir`, where its path is short enough for a socket.
    Raises BadKey.
    """
    private = key.home / "private-keys-v1.d"
    if not private.is_dir():
        raise BadKey("`signing.home` holds no secret keys. Import the signing key there with gpg 2.1 or later.")
    if not key.passphrase.isprintable():
        raise BadKey("`signing.passphrase` has line breaks or invisible characters in it. Give it on one line.")
    places = (str((workdir or Path(tempfile.gettempdir())).absolute()), tempfile.gettempdir())
    directory = next((x for x in places if len(x) < _MAX_HOME), "/tmp")  # noqa: S108 - mkdtemp makes a private folder in it
    with TemporaryDirectory(prefix=_PREFIX, dir=directory, ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        await _know(home, key.public_key, key.fingerprint)
        (home / "private-keys-v1.d").symlink_to(private.absolute())
        async with _agent(home):
            await _each(files, lambda file: _sign(home, file, key), progress)


def tidy() -> None:
    """Delete the temporary homes that killed processes have left: those that nothing was written into for a day."""
    for directory in {tempfile.gettempdir(), "/tmp"}:  # noqa: S108 - as above
        for home in Path(directory).glob(f"{_PREFIX}*"):
            with suppress(OSError):
                about = home.lstat()
                if about.st_uid == os.getuid() and time.time() - about.st_mtime > _A_DAY:
                    shutil.rmtree(home)


async def verify(files: Sequence[Path], public_key: Path, fingerprint: str, workdir: Path) -> None:
    """Require that `<file>.sig` of each file is one good signature by that key or a subkey of it, and nothing else.

    gpg works in a temporary home inside `workdir` that knows only the public key. Raises BadKey and BadSignature.
    """
    with TemporaryDirectory(prefix="gpg-", dir=workdir, ignore_cleanup_errors=True) as folder:
        await _know(Path(folder), public_key, fingerprint)
        await _each(files, lambda file: _check(Path(folder), file, fingerprint), lambda _done, _of: None)


async def _each(
    files: Sequence[Path], act: Callable[[Path], Awaitable[None]], progress: Callable[[int, int], None]
) -> None:
    waiting, done = iter(files), 0
    progress(0, len(files))

    async def work() -> None:
        nonlocal done
        for file in waiting:
            await act(file)
            done += 1
            progress(done, len(files))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(work())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _sign(home: Path, file: Path, key: Key) -> None:
    with suppress(BadSignature):
        await _check(home, file, key.fingerprint)
        return
    output = home / f"{token_hex(8)}.sig"  # not yet at its place: a gpg that outlives a killed bot writes it here
    lines = await _gpg(
        *(home, "--pinentry-mode", "loopback", "--passphrase-fd", "0", "--digest-algo", "SHA512"),
        *("--local-user", f"{key.fingerprint}!", "--output", _place(output)),
        *("--detach-sign", "--", _place(file)),
        stdin=key.passphrase.encode() + b"\n",
    )
    made = _said(lines, "SIG_CREATED")
    if not made:
        codes = [int(words[1]) & 0xFFFF for words in _said(lines, "FAILURE") if words[1:] and words[1].isdigit()]
        raise BadKey(next((_FAILURES[code] for code in codes if code in _FAILURES), _NOT_SIGNED))
    kind, algorithm, _digest, kind_of_signature, _at, by = made[0][:6]
    if len(made) > 1 or (kind, algorithm, kind_of_signature, by) != ("D", _RSA, "00", key.fingerprint.upper()):
        raise BadKey("gpg signed with another key than the one `signing.fingerprint` names.")
    part = file.with_name(f"{file.name}.sig.part")
    with part.open("wb") as written:
        written.write(output.read_bytes())
        written.flush()
        os.fsync(written.fileno())
    part.replace(file.with_name(f"{file.name}.sig"))


async def _check(home: Path, file: Path, fingerprint: str) -> None:
    signature = file.with_name(f"{file.name}.sig")
    try:
        with signature.open("rb") as opened:
            content = opened.read(_MAX_SIGNATURE + 1)
    except FileNotFoundError:
        raise BadSignature(f"`{file.name}` has no signature.") from None
    if not _is_one_signature(content):
        raise BadSignature(f"`{signature.name}` isn't one detached RSA signature and nothing else.")
    lines = await _gpg(home, "--verify", "--", _place(signature), _place(file))
    valid = _said(lines, "VALIDSIG")
    good = len(_said(lines, "NEWSIG")) == len(_said(lines, "GOODSIG")) == len(valid) == 1
    if any(_said(lines, "EXPKEYSIG", "REVKEYSIG", "EXPSIG")):
        raise BadSignature(f"The key that signed `{file.name}` has expired or is revoked.")
    if not good or any(_said(lines, "BADSIG", "ERRSIG")):
        raise BadSignature(f"The signature of `{file.name}` doesn't fit the file and the key.")
    if fingerprint.upper() not in {valid[0][0], valid[0][-1]}:
        raise BadSignature(f"`{file.name}` is signed by another key than `{fingerprint[-16:].upper()}`.")


def _is_one_signature(content: bytes) -> bool:
    """Tell whether this is a single binary signature packet (RFC 9580) over a binary file by RSA and SHA-2."""
    match tuple(content[:3]):
        case [0x88, length, _]:
            start = 2
        case [0x89, high, low]:
            start, length = 3, high << 8 | low
        case [0xC2, length, _] if length < 192:  # noqa: PLR2004 - from there on, it has two bytes
            start = 2
        case [0xC2, high, low] if high < 224:  # noqa: PLR2004 - from there on, it has five, or comes in parts
            start, length = 3, ((high - 192) << 8) + low + 192
        case _:
            return False
    about = content[start : start + 4]
    whole = len(about) == 4 and start + length == len(content)  # noqa: PLR2004 - version, kind, algorithm, digest
    return whole and about[:3] == b"\x04\x00\x01" and about[3] in _SHA2


async def _know(home: Path, public_key: Path, fingerprint: str) -> KeyState:
    """Import the public key into an empty home, tell what it is, and require that it is one that servers can verify with."""
    if not re.fullmatch("[0-9A-Fa-f]{40}", fingerprint):
        raise BadKey("`signing.fingerprint` isn't a fingerprint: give all 40 hexadecimal digits.")
    _require_file(public_key)
    imported = _said(await _gpg(home, "--import", "--", _place(public_key)), "IMPORT_RES")
    if imported and imported[0][9] != "0":
        raise BadKey("`signing.public_key` holds a secret key. Export only the public one: `gpg --armor --export`.")
    if not imported or imported[0][0] == "0":
        raise BadKey("`signing.public_key` isn't a public key. Export it: `gpg --armor --export`.")
    lines = await _gpg(
        *(home, "--with-colons", "--fixed-list-mode", "--with-subkey-fingerprint", "--list-keys", "--", fingerprint)
    )
    return _usable([line.split(":") for line in lines], fingerprint.upper())


def _require_file(public_key: Path) -> None:
    try:
        about = public_key.stat()
    except OSError:
        raise BadKey("`signing.public_key` can't be read. Export it: `gpg --armor --export`.") from None
    if not stat.S_ISREG(about.st_mode) or about.st_size > _MAX_KEY:
        raise BadKey("`signing.public_key` isn't a file with one public key. Export it: `gpg --armor --export`.")


def _usable(records: Sequence[Sequence[str]], fingerprint: str) -> KeyState:
    """Tell what the key is, and require of gpg's listing of one key that it, or the subkey with that fingerprint, can sign for servers."""
    keys = [record for record in records if record[0] in {"pub", "sub"}]
    prints = [record[9] for record in records if record[0] == "fpr"]
    chosen = dict(zip(prints, keys, strict=True)).get(fingerprint)
    if not chosen:
        raise BadKey("`signing.public_key` isn't the key that `signing.fingerprint` names. Export it anew.")
    for record in (keys[0], chosen):
        if state := _UNUSABLE.get(record[1][:1]):
            raise BadKey(f"The signing key {state}. Renew it, export its public key anew, and try again.")
    if any(record[3] != _RSA for record in keys):
        raise BadKey("The signing key isn't RSA throughout, and Mattermost servers read no other. Make an RSA key.")
    if int(chosen[2]) < _MIN_BITS:
        raise BadKey(f"The signing key has {chosen[2]} bits. Make one of at least {_MIN_BITS}.")
    if "s" not in chosen[11]:
        raise BadKey(_FAILURES[_UNUSABLE_KEY])
    ends = [int(record[6]) for record in (keys[0], chosen) if record[6].isdecimal()]
    return KeyState(int(chosen[2]), min(ends, default=0))


def _place(file: Path) -> str:
    """Give a path that no program takes for an option."""
    return str(file.absolute())


def _said(lines: Sequence[str], *words: str) -> list[list[str]]:
    """Give what follows these words in gpg's status lines."""
    rows = (line.split(" ") for line in lines)
    return [row[2:] for row in rows if row[0] == "[GNUPG:]" and row[1:2] and row[1] in words]


async def _gpg(home: Path, *arguments: str, stdin: bytes = b"") -> list[str]:
    """Run gpg and give the lines that it writes; what it says to people is dropped, and so is its exit code."""
    process = await _start("gpg", "--homedir", _place(home), *_ISOLATED, *_TRUSTING, *arguments, home=home)
    ended = False
    try:
        async with asyncio.timeout(_SECONDS):
            out, _ = await process.communicate(stdin)
        ended = True
    finally:
        if not ended:
            kill_group(process.pid)
            await process.wait()
    return out.decode(errors="replace").splitlines()


@asynccontextmanager
async def _agent(home: Path) -> AsyncIterator[None]:
    """Keep an agent for this home while the block runs. It ends with `cat`, and that with us, however we end."""
    process = await _start("gpg-agent", "--homedir", _place(home), *_AGENT, "--no-detach", "--daemon", "cat", home=home)
    assert process.stdin  # noqa: S101 - it is a pipe; for the type checker
    assert process.stdout  # noqa: S101 - likewise
    try:
        process.stdin.write(b"\n")
        async with asyncio.timeout(_SECONDS):
            if not await process.stdout.read(1):
                raise BadKey("gpg-agent doesn't start where I run. Try `gpg-agent --daemon` by hand there.")
        yield
    finally:
        kill_group(process.pid)
        await process.communicate()
        with suppress(BadKey):  # gpg makes a folder for each home in /run/user, where there is such a place
            tidied = await _start("gpgconf", "--homedir", _place(home), "--remove-socketdir", home=home)
            await tidied.communicate()


async def _start(*command: str, home: Path) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=home,
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": _place(home), "LC_ALL": "C"},
            start_new_session=True,
        )
    except FileNotFoundError:
        raise BadKey("gpg isn't installed where I run. Install GnuPG 2.2 or later.") from None
