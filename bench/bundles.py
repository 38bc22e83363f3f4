"""A bundle of 100 MB for five platforms: looked through, split and signed, beside unpacking and packing it anew for each platform."""

import asyncio
import contextlib
import io
import itertools
import json
import random
import shutil
import sys
import tarfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import ROOT
from bench.figures import Figures, Line
from mmbot.release.bundle import inspect
from mmbot.release.split import split

PACKED, SECONDS_RATIO, BYTES = 100_000_000, 0.35, 150e6
PLATFORMS = ("linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64", "windows-amd64")
TIMES = 2

_NAME, _TOP = "example-v1.2.3", "com.example.bundle"
_BLOCK, _BLOCKS = 2**16, 128
_WRONG = 0.2  # of the phrases
_EXECUTABLE = 55_000_000  # bytes, of which deflating leaves about two fifths
_SIGN = "gpg --homedir {home} --batch --yes --no-tty --pinentry-mode loopback --passphrase '' --digest-algo SHA512 --detach-sign {file}"


async def measure(tickets: int, count: int, folder: Path) -> list[Figures]:
    """The tables; ours and the other in turns. Signing is measured where gpg is."""
    del tickets, count
    signs = shutil.which("gpg") is not None
    title = f"a bundle for {len(PLATFORMS)} platforms, {'signed' if signs else 'not signed, as there is no gpg'}"
    figures = Figures(title, "mmbot", "tar, gzip" + ", gpg" * signs)
    home = folder / "gpg"
    if signs:
        home.mkdir(mode=0o700)
        await _run(
            f"gpg --homedir {home} --batch --passphrase '' --quick-generate-key bench rsa3072 sign never 2>&1", folder
        )
    bundle = folder / "bundle.tar.gz"
    await asyncio.to_thread(make, bundle)
    ours, beside, resident = [], [], []
    try:
        for _ in range(TIMES):
            seconds, bytes_resident = await _ours(bundle, folder, home if signs else None)
            ours.append(seconds)
            resident.append(bytes_resident)
            beside.append(await _beside(bundle, folder, home if signs else None))
    finally:
        if signs:
            await _run(f"gpgconf --homedir {home} --kill all", folder)
    size = f"{bundle.stat().st_size / 1e6:.0f} MB"
    bigger = await _bigger(folder)
    figures.lines.append(Line(f"{size}, from beginning to end", ours, beside, aim=SECONDS_RATIO, unit="s"))
    figures.lines.append(Line("the bundles' bytes", *bigger, unit="MB"))
    memory = Figures("its peak of resident memory", "mmbot", "")
    memory.lines.append(Line(size, resident, unit="MB", at_most=BYTES))
    for name in ("ours", "beside", "bundle.tar.gz"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return [figures, memory]


def make(path: Path) -> None:
    """Write a bundle whose executables deflate about as well and as slowly as Go's do, always the same one."""
    chance = random.Random(20_261_121)  # noqa: S311 - nothing secret
    blocks = list(_blocks(chance))
    executables = {x: f"server/dist/plugin-{x}{'.exe' if x.startswith('windows') else ''}" for x in PLATFORMS}
    manifest = {"id": _TOP, "name": "Bundle", "version": "1.2.3", "server": {"executables": executables}}
    with tarfile.open(path, "w:gz", compresslevel=6) as tar:
        _add(tar, "plugin.json", json.dumps(manifest).encode())
        _add(
            tar, "webapp/dist/main.js", b"".join(f"function f{n}(a){{return a+{n}}}\n".encode() for n in range(50_000))
        )
        for executable in executables.values():
            _add(tar, executable, b"".join(_filled(blocks, chance)))


def _blocks(chance: random.Random) -> Iterator[bytes]:
    """Give bytes in which words stand in phrases, some of both often, with a wrong byte here and there: as instructions do."""
    letters = [int(255 * chance.random() ** 3) for _ in range(256)]
    lengths = (1, 1, 2, 2, 3, 3, 4, 5, 7)
    words = [bytes(chance.choices(letters, k=chance.choice(lengths))) for _ in range(2_000)]
    often = list(itertools.accumulate((n + 3) ** -1.1 for n in range(len(words))))
    phrases = [b"".join(chance.choices(words, cum_weights=often, k=chance.randint(4, 16))) for _ in range(30_000)]
    often = list(itertools.accumulate((n + 3) ** -0.9 for n in range(len(phrases))))
    for _ in range(_BLOCKS):
        block = bytearray()
        while len(block) < _BLOCK:
            phrase = bytearray(chance.choices(phrases, cum_weights=often)[0])
            if chance.random() < _WRONG:
                phrase[chance.randrange(len(phrase))] = chance.randrange(256)
            block += phrase
        yield bytes(block[:_BLOCK])


def _filled(blocks: Sequence[bytes], chance: random.Random) -> Iterator[bytes]:
    left = _EXECUTABLE
    while left > 0:  # a block that comes again is out of sight for deflating
        for block in chance.sample(blocks, len(blocks)):
            yield block[: max(left, 0)]
            left -= len(block)


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(f"{_TOP}/{name}")
    info.size, info.mode = len(data), 0o755
    tar.addfile(info, io.BytesIO(data))


async def _ours(bundle: Path, folder: Path, home: Path | None) -> tuple[float, float]:
    out = folder / "ours"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    began = time.perf_counter()
    said = await _run(f"{sys.executable} -m bench.bundles {bundle} {out} {home or ''}", ROOT)
    return time.perf_counter() - began, float(said)


async def _beside(bundle: Path, folder: Path, home: Path | None) -> float:
    out = folder / "beside"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    began = time.perf_counter()
    if home:
        shutil.copyfile(bundle, out / f"{_NAME}.tar.gz")
        await _run(_SIGN.format(home=home, file=out / f"{_NAME}.tar.gz"), out)
    for platform in PLATFORMS:
        file = f"{_NAME}-{platform}.tar.gz"
        steps = (
            f"mkdir work && tar -xzf {bundle} -C work",
            f"find work -name 'plugin-*' ! -name 'plugin-{platform}*' -delete",
            f"tar -cf - -C work {_TOP} | gzip > {file}",
            "rm -r work",
            _SIGN.format(home=home, file=file) if home else "true",
        )
        await _run(" && ".join(steps), out)
    return time.perf_counter() - began


async def _bigger(folder: Path) -> tuple[list[float], list[float]]:
    """Give the bytes of the platforms' bundles, ours and the other's."""
    names = [f"{_NAME}-{platform}.tar.gz" for platform in PLATFORMS]
    return [float((folder / "ours" / x).stat().st_size) for x in names], [
        float((folder / "beside" / x).stat().st_size) for x in names
    ]


async def _run(command: str, folder: Path) -> str:
    process = await asyncio.create_subprocess_shell(command, cwd=folder, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command} failed: {output.decode()}")
    return output.decode()


def main(bundle: Path, out: Path, home: Path | None) -> None:
    """Do what is measured, and print the peak of resident memory in bytes."""
    artifacts = split(bundle, inspect(bundle), out, _NAME, ("darwin",), lambda _done, _of: None)
    if home:
        for artifact in artifacts:
            asyncio.run(_run(_SIGN.format(home=home, file=artifact.name), out))
    with contextlib.suppress(OSError):  # only Linux tells
        (peak,) = [x for x in Path("/proc/self/status").read_text("ascii").splitlines() if x.startswith("VmHWM:")]
        sys.stdout.write(str(int(peak.split()[1]) * 1024))


if __name__ == "__main__":
    arguments = [Path(x) for x in sys.argv[1:]]
    main(arguments[0], arguments[1], arguments[2] if len(arguments) > 2 else None)  # noqa: PLR2004 - the last may be missing
