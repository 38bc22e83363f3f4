"""Signatures by a real gpg, with keys made for these tests."""

import asyncio
import dataclasses
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from gpg_keys import HAS_GPG, export, gpg, make_key
from hypothesis import given
from hypothesis import strategies as st

from mmbot.release.signing import BadKey, BadSignature, Key, _is_one_signature, sign, verify

pytestmark = pytest.mark.skipif(not HAS_GPG, reason="gpg isn't installed")
PASSPHRASE = "correct horse ß"
GO = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
VERIFIER = """package main

import ("fmt"; "os"; "golang.org/x/crypto/openpgp")

func main() {
	ring, _ := os.Open(os.Args[1])
	keys, err := openpgp.ReadArmoredKeyRing(ring)
	for _, name := range os.Args[2:] {
		file, _ := os.Open(name)
		signature, _ := os.Open(name + ".sig")
		if err == nil { _, err = openpgp.CheckDetachedSignature(keys, file, signature) }
	}
	if err != nil { fmt.Println(err); os.Exit(1) }
}
"""


def ignore(_done: int, _of: int) -> None:
    pass


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("keys") / "home", PASSPHRASE)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    (tmp_path / "work").mkdir()
    files = [tmp_path / "work" / name for name in ("-rf plugin.tar.gz", "b.tar.gz", "c.tar.gz")]
    for number, file in enumerate(files):
        file.write_bytes(bytes([number]) * 100_000)
    return files


def homes(key: Key) -> list[Path]:
    """Give the temporary homes to which a key is linked."""
    links = Path(tempfile.gettempdir()).glob("mmbot-gpg-*/private-keys-v1.d")
    return [link.parent for link in links if link.is_symlink() and link.readlink() == key.home / "private-keys-v1.d"]


def processes(home: Path) -> list[str]:
    """Give the command lines of the processes that have to do with a home."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            lines.append(entry.read_bytes().replace(b"\0", b" ").decode())
    return [line for line in lines if str(home) in line]


async def test_each_file_is_signed_once_and_verified_elsewhere(key: Key, files: list[Path], tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    used: list[Path] = []

    def look(done: int, of: int) -> None:
        seen.append((done, of))
        used.extend(homes(key))

    await sign(files, key, look)
    assert used
    assert not any(home.exists() or processes(home) for home in used)
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    signatures = [file.with_name(file.name + ".sig") for file in files]
    before = [signature.read_bytes() for signature in signatures]
    await verify(files, key.public_key, key.fingerprint.lower(), tmp_path)
    here = Path(os.path.relpath(tmp_path))  # noqa: ASYNC240 - done at once
    await verify([here / file.relative_to(tmp_path) for file in files], key.public_key, key.fingerprint, here)
    await sign([here / file.relative_to(tmp_path) for file in files], key, ignore)
    assert [signature.read_bytes() for signature in signatures] == before
    assert PASSPHRASE not in repr(key)


async def test_what_is_half_written_or_of_other_bytes_is_signed_again(
    key: Key, files: list[Path], tmp_path: Path
) -> None:
    await sign(files, key, ignore)
    files[0].write_bytes(b"other bytes")
    signature = files[1].with_name(files[1].name + ".sig")
    signature.write_bytes(signature.read_bytes()[:100])
    with pytest.raises(BadSignature, match="doesn't fit"):
        await verify(files[:1], key.public_key, key.fingerprint, tmp_path)
    with pytest.raises(BadSignature, match="isn't one detached"):
        await verify(files[1:2], key.public_key, key.fingerprint, tmp_path)
    await sign(files, key, ignore)
    await verify(files, key.public_key, key.fingerprint, tmp_path)


async def test_a_wrong_passphrase_is_said_even_after_the_right_one(key: Key, files: list[Path]) -> None:
    await sign(files[:1], key, ignore)
    with pytest.raises(BadKey, match="passphrase") as said:
        await sign(files, dataclasses.replace(key, passphrase="battery staple"), ignore)
    assert "battery" not in str(said.value)
    assert not files[1].with_name(files[1].name + ".sig").exists()
    with pytest.raises(BadKey, match="one line"):
        await sign(files, dataclasses.replace(key, passphrase="two\nlines"), ignore)


async def test_a_home_with_a_long_path_that_cannot_be_written_to_and_has_settings_is_good_enough(
    key: Key, files: list[Path], tmp_path: Path
) -> None:
    long = tmp_path / ("x" * 100) / ("y" * 100)
    shutil.copytree(key.home, long, ignore=shutil.ignore_patterns("S.*"))
    (long / "gpg.conf").write_text("armor\ncomment hello\ndigest-algo SHA1\n")
    (long / "gpg-agent.conf").write_text("default-cache-ttl 9999\npinentry-program /bin/false\n")
    listing = sorted(long.rglob("*"))
    for folder in (long / "private-keys-v1.d", long):
        folder.chmod(0o500)
    await sign(files[:1], dataclasses.replace(key, home=long), ignore)
    for folder in (long, long / "private-keys-v1.d"):
        folder.chmod(0o700)
    await verify(files[:1], key.public_key, key.fingerprint, tmp_path)
    assert sorted(long.rglob("*")) == listing


async def test_a_subkey_signs_when_its_fingerprint_is_given(tmp_path: Path, files: list[Path]) -> None:
    key = make_key(tmp_path / "home")
    gpg(key.home, "--passphrase", "", "--quick-add-key", key.fingerprint, "rsa2048", "sign", "never")
    public = export(key.home, key.fingerprint)
    rows = [line.split(":") for line in gpg(key.home, "--with-colons", "--list-keys").splitlines()]
    subkey = [row[9] for row in rows if row[0] == "fpr"][1]
    await sign(files[:1], dataclasses.replace(key, fingerprint=subkey), ignore)
    await sign(files[1:2], key, ignore)
    await verify(files[:2], public, key.fingerprint, tmp_path)
    await verify(files[:1], public, subkey, tmp_path)
    with pytest.raises(BadSignature, match="another key"):
        await verify(files[1:2], public, subkey, tmp_path)


async def test_keys_that_servers_cannot_verify_with_are_refused(key: Key, files: list[Path], tmp_path: Path) -> None:
    ed25519 = make_key(tmp_path / "ed25519", kind="ed25519")
    small = make_key(tmp_path / "small", kind="rsa1024")
    expired = make_key(tmp_path / "old", "", "--faked-system-time", "20200101T000000", expires="seconds=86400")
    revoked = make_key(tmp_path / "revoked")
    certificate = next((revoked.home / "openpgp-revocs.d").glob("*.rev")).read_text().replace(":-----", "-----")
    gpg(revoked.home, "--import", stdin=certificate.encode())
    export(revoked.home, revoked.fingerprint)
    gone = tmp_path / "gone"
    secret = tmp_path / "secret.asc"
    secret.write_text(gpg(revoked.home, "--passphrase", "", "--armor", "--export-secret-keys"))
    for unusable, why in (
        (ed25519, "RSA"),
        (small, "1024 bits"),
        (expired, "expired"),
        (revoked, "revoked"),
        (dataclasses.replace(key, home=gone), "no secret keys"),
        (dataclasses.replace(key, home=revoked.home), "doesn't hold"),
        (dataclasses.replace(key, public_key=gone), "can't be read"),
        (dataclasses.replace(key, public_key=tmp_path), "isn't a file"),
        (dataclasses.replace(key, public_key=files[0]), "isn't a public key"),
        (dataclasses.replace(key, public_key=revoked.public_key), "isn't the key"),
        (dataclasses.replace(revoked, public_key=secret), "holds a secret key"),
        (dataclasses.replace(key, fingerprint="--output=/etc/passwd"), "40 hexadecimal"),
    ):
        with pytest.raises(BadKey, match=why):
            await sign(files, unusable, ignore)
    assert not list(files[0].parent.glob("*.sig"))


async def test_only_one_signature_of_the_one_key_counts(key: Key, files: list[Path], tmp_path: Path) -> None:
    other = make_key(tmp_path / "other")
    await sign(files[:2], key, ignore)
    await sign(files[2:], other, ignore)
    first, second, third = [file.with_name(file.name + ".sig") for file in files]
    shutil.copy(files[0], files[2])
    good = first.read_bytes()
    message = tmp_path / "message"
    gpg(other.home, "--output", str(message), "--sign", str(files[0]))
    armored = subprocess.run(["gpg", "--enarmor"], input=good, capture_output=True, check=True).stdout  # noqa: ASYNC221, S607 - done at once
    for content in (
        third.read_bytes(),
        second.read_bytes(),
        good + third.read_bytes(),
        good + good,
        good + b"\0",
        message.read_bytes(),
        armored,
        b"",
        bytes(100_000),
    ):
        first.write_bytes(content)
        with pytest.raises(BadSignature):
            await verify(files[:1], key.public_key, key.fingerprint, tmp_path)
    first.unlink()
    with pytest.raises(BadSignature, match="has no signature"):
        await verify(files[:1], key.public_key, key.fingerprint, tmp_path)


async def test_cancelling_leaves_no_agent_and_no_half_signature(key: Key, files: list[Path]) -> None:
    await asyncio.to_thread(os.truncate, files[0], 2**31)
    task = asyncio.create_task(sign(files[:1], key, ignore))
    while not any(processes(home) for home in homes(key)):  # noqa: ASYNC110 - it is another program that does it
        await asyncio.sleep(0.01)
    used = homes(key)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not any(home.exists() or processes(home) for home in used)
    assert not list(files[0].parent.glob("*.sig*"))


async def test_go_verifies_what_gpg_signed(key: Key, files: list[Path], tmp_path: Path) -> None:
    if not GO:
        pytest.skip("Go isn't installed")
    await sign(files, key, ignore)
    folder = tmp_path / "verifier"
    folder.mkdir()
    (folder / "main.go").write_text(VERIFIER)
    for command in (("mod", "init", "verifier"), ("get", "golang.org/x/crypto/openpgp@v0.31.0"), ("build", ".")):
        built = subprocess.run([GO, *command], cwd=folder, capture_output=True, text=True, check=False)  # noqa: ASYNC221, S603 - nothing else is under way
        if built.returncode:
            pytest.skip(f"Go can't fetch or build the verifier: {built.stderr[-200:]}")
    arguments = [str(folder / "verifier"), str(key.public_key), *map(str, files)]
    checked = subprocess.run(arguments, capture_output=True, text=True, check=False)  # noqa: ASYNC221, S603 - nothing else is under way
    assert (checked.returncode, checked.stdout) == (0, "")
    files[1].write_bytes(b"other bytes")
    checked = subprocess.run(arguments, capture_output=True, text=True, check=False)  # noqa: ASYNC221, S603 - nothing else is under way
    assert checked.returncode == 1


@given(st.binary(max_size=300))
def test_no_bytes_make_the_reader_of_packets_stumble(content: bytes) -> None:
    assert _is_one_signature(content) in {True, False}


async def test_a_home_of_gpg_is_where_its_path_is_short_enough_for_a_socket(key: Key, tmp_path: Path) -> None:
    for length in (58, 70, 79, 100):
        deep = tmp_path
        while len(str(deep)) < length:
            deep /= "d" * min(50, max(1, length - len(str(deep)) - 1))
        deep.mkdir(parents=True, exist_ok=True)
        file = deep / "bundle.tar.gz"
        file.write_bytes(b"a bundle")
        await sign([file], key, ignore, deep)
        assert file.with_name("bundle.tar.gz.sig").exists()
