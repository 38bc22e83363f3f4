"""From one bundle those for each platform, each with exactly its executable, always with the same bytes."""

import contextlib
import gzip
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pytest
from bundles import (
    AT,
    MANIFEST,
    entry,
    folder,
    header,
    long_name,
    manifest,
    padded,
    pax,
    plugin,
    record,
    written,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbot.domain.artifacts import Artifact
from mmbot.release.archive import BundleLimits, opened
from mmbot.release.bundle import BadBundle, Stopped, inspect
from mmbot.release.split import split

T = "com.example.remind/"
NAME = "remind-v1.2.3"
ROOT = Path(__file__).parents[1]
NOISE = random.Random(1).randbytes(3 * 2**20)  # noqa: S311 - nothing secret
MACOS: Sequence[Literal["darwin", "osx"]] = ("darwin", "osx")


@dataclass(frozen=True)
class Read:
    """An entry as another reader sees it."""

    name: str
    is_folder: bool
    mode: int
    mtime: int
    sha256: str


def read(path: Path) -> list[Read]:
    entries = []
    with tarfile.open(path) as tar:
        for info in tar:
            assert (info.uid, info.gid, info.uname, info.gname) == (0, 0, "", "")
            file = tar.extractfile(info)
            sha256 = hashlib.sha256(file.read() if file else b"").hexdigest()
            entries.append(Read(info.name, info.isdir(), info.mode, int(info.mtime), sha256))
    return entries


def cut(path: Path, out: Path, macos: Sequence[Literal["darwin", "osx"]] = MACOS) -> tuple[Artifact, ...]:
    out.mkdir(exist_ok=True)
    artifacts = split(path, inspect(path), out, NAME, macos, lambda _done, _of: None)
    assert sorted(x.name for x in out.iterdir()) == sorted(x.name for x in artifacts)
    for artifact in artifacts:
        data = (out / artifact.name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (artifact.size, artifact.sha256)
    return artifacts


def ran(*arguments: str | Path, **environment: str) -> list[bytes]:
    """The lines that a program prints when it's run at the root of the project."""
    done = subprocess.run(  # noqa: S603 - the tests' own arguments
        arguments, cwd=ROOT, env={**os.environ, **environment}, check=True, stdout=subprocess.PIPE
    )
    return done.stdout.splitlines()


def names(path: Path) -> set[str]:
    return {x.name for x in read(path) if not x.is_folder}


def test_each_platform_gets_everything_and_its_own_executable(tmp_path: Path) -> None:
    data = plugin(folder(T), folder(T + "empty"), entry(T + "server/notes.txt", b"for all", mode=0o600))
    artifacts = cut(written(tmp_path, data), tmp_path / "out")
    assert [(x.name.removeprefix(NAME), x.platform) for x in artifacts] == [
        (".tar.gz", ""),
        ("-darwin-amd64.tar.gz", "darwin-amd64"),
        ("-osx-amd64.tar.gz", "darwin-amd64"),
        ("-linux-amd64.tar.gz", "linux-amd64"),
        ("-windows-amd64.tar.gz", "windows-amd64"),
    ]
    assert (tmp_path / "out" / artifacts[0].name).read_bytes() == data
    common = {"plugin.json", "assets/icon.svg", "webapp/dist/main.js", "server/notes.txt"}
    own = {
        "darwin-amd64": "server/dist/plugin-darwin-amd64",
        "linux-amd64": "server/dist/plugin-linux-amd64",
        "windows-amd64": "server/dist/plugin-windows-amd64.exe",
    }
    for artifact in artifacts[1:]:
        found = read(tmp_path / "out" / artifact.name)
        assert {x.name for x in found if not x.is_folder} == {T + x for x in (*common, own[artifact.platform])}
        assert {x.name for x in found if x.is_folder} == {T.rstrip("/"), T + "empty"}
        assert {x.mode for x in found if x.name == T + own[artifact.platform]} == {0o755}
        assert {x.mode for x in found if x.name.endswith("notes.txt")} == {0o600}
        assert {x.mtime for x in found} == {AT}
    assert artifacts[1].sha256 == artifacts[2].sha256


def test_macos_bundles_have_the_names_that_are_configured(tmp_path: Path) -> None:
    path = written(tmp_path, plugin())
    assert f"{NAME}-darwin-amd64.tar.gz" not in {x.name for x in cut(path, tmp_path / "osx", ("osx",))}
    assert f"{NAME}-osx-amd64.tar.gz" not in {x.name for x in cut(path, tmp_path / "darwin", ("darwin",))}


def test_a_plugin_for_no_platform_is_the_one_bundle(tmp_path: Path) -> None:
    for n, server in enumerate((None, {"executable": "server/dist/plugin-linux-amd64"})):
        artifacts = cut(written(tmp_path, plugin(server=server)), tmp_path / str(n))
        assert [(x.name, x.platform) for x in artifacts] == [(f"{NAME}.tar.gz", "")]


def test_executables_of_no_platform_are_only_in_the_bundle_of_all(tmp_path: Path) -> None:
    server = {**MANIFEST["server"], "executable": "server/dist/plugin-freebsd-amd64"}
    more = [entry(f"{T}server/dist/plugin-{x}-amd64", x.encode(), mode=0o755) for x in ("freebsd", "plan9")]
    artifacts = cut(written(tmp_path, plugin(*more, server=server)), tmp_path / "out")
    for artifact in artifacts[1:]:
        assert len([x for x in names(tmp_path / "out" / artifact.name) if "/plugin-" in x]) == 1


def test_one_executable_may_serve_two_platforms(tmp_path: Path) -> None:
    path = "server/dist/plugin-darwin-amd64"
    server = {
        "executables": {"darwin-amd64": path, "darwin-arm64": path, "linux-amd64": "server/dist/plugin-linux-amd64"}
    }
    artifacts = cut(written(tmp_path, plugin(server=server)), tmp_path / "out", ("darwin",))
    have = {x.platform for x in artifacts[1:] if T + path in names(tmp_path / "out" / x.name)}
    assert have == {"darwin-amd64", "darwin-arm64"}


def test_the_same_bytes_come_out_whenever_and_wherever(tmp_path: Path) -> None:
    path = written(tmp_path, plugin())
    before = os.umask(0o077)
    try:
        first = cut(path, tmp_path / "one")
        os.umask(0)
        second = cut(path, tmp_path / "two")
    finally:
        os.umask(before)
    program = (
        "import sys; sys.path[:0] = ['tests']; from test_split import *; cut(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    elsewhere = {"TZ": "Asia/Tokyo", "LC_ALL": "C", "PYTHONHASHSEED": "7", "PYTHONPATH": "."}
    ran(sys.executable, "-c", program, path, tmp_path / "three", **elsewhere)
    for artifact in first:
        assert (tmp_path / "three" / artifact.name).read_bytes() == (tmp_path / "one" / artifact.name).read_bytes()
    assert first == second == cut(path, tmp_path / "one")
    assert not (tmp_path / "one" / f"{NAME}.tar.gz.part").exists()


def test_a_bundle_that_already_stands_in_its_place_is_split_there(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    path = tmp_path / "out" / f"{NAME}.tar.gz"
    path.write_bytes(plugin())
    assert cut(path, tmp_path / "out") == cut(path, tmp_path / "out")


def test_large_files_survive_being_deflated_in_pieces(tmp_path: Path) -> None:
    words = random.Random(1)  # noqa: S311 - nothing secret
    large = b"".join(words.choice([b"func ", b"return ", b"\0" * 9, words.randbytes(7)]) for _ in range(500_000))
    assert len(large) > 2 * 2**20
    data = plugin(
        entry(T + "server/dist/plugin-linux-amd64", large, mode=0o755), leave_out="server/dist/plugin-linux-amd64"
    )
    artifacts = cut(written(tmp_path, data), tmp_path / "out")
    (linux,) = [x for x in artifacts if x.platform == "linux-amd64"]
    deflated = (tmp_path / "out" / linux.name).read_bytes()
    found = {x.name: x.sha256 for x in read(tmp_path / "out" / linux.name)}
    assert found[T + "server/dist/plugin-linux-amd64"] == hashlib.sha256(large).hexdigest()
    assert len(deflated) < 1.03 * len(gzip.compress(gzip.decompress(deflated), 6))


def test_what_was_not_inspected_is_not_split(tmp_path: Path) -> None:
    path = written(tmp_path, plugin())
    bundle = inspect(path)
    for other in (plugin(name="Another"), b"no bundle at all"):
        path.write_bytes(other)
        with pytest.raises(BadBundle):
            split(path, bundle, tmp_path, NAME, MACOS, lambda _done, _of: None)
        assert [x.name for x in tmp_path.iterdir()] == ["bundle.tar.gz"]


def test_splitting_can_be_stopped_and_leaves_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, plugin(entry(T + "noise", NOISE[: 2**20])))
    bundle = inspect(path)
    for last in range(1, 12, 5):
        left = iter(range(last))
        with pytest.raises(Stopped):
            split(path, bundle, tmp_path, NAME, MACOS, lambda _done, _of: None, lambda: next(left, None) is None)  # noqa: B023 - at once
        assert [x.name for x in tmp_path.iterdir()] == ["bundle.tar.gz"]


def test_progress_is_told_in_bytes_of_the_bundle(tmp_path: Path) -> None:
    path = written(tmp_path, plugin(entry(T + "noise", NOISE)))
    told: list[tuple[int, int]] = []
    split(path, inspect(path), tmp_path, NAME, MACOS, lambda done, of: told.append((done, of)))
    assert told == sorted(told)
    assert len(told) > 2
    assert told[-1] == (path.stat().st_size, path.stat().st_size)


def test_a_kill_at_any_step_leaves_only_whole_files_and_the_next_try_makes_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, plugin())
    (tmp_path / "killed").mkdir()
    lines = ran(sys.executable, "tests/killed_splits.py", path, tmp_path / "killed", PYTHONPATH=".")
    right = {x.name: x.sha256 for x in cut(path, tmp_path / "right")}
    assert len(lines) > 20
    for line in lines:
        killed, after, parts = json.loads(line)
        assert killed.items() <= right.items()
        assert after == right
        assert parts == []
    assert len({len(json.loads(line)[0]) for line in lines}) == len(right) + 1


PIECES = st.text("abcXYZ0123.-_ üñ漢", min_size=1, max_size=12).filter(lambda x: x[-1] not in ". " and x[0] != " ")
PATHS = st.lists(PIECES, min_size=1, max_size=12).map("/".join)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, tuple[bytes, int] | None]:
    """Files with contents and mode, folders with None; no name is a folder and a file, or a twin of another."""
    tree: dict[str, tuple[bytes, int] | None] = {}
    taken: dict[str, bool] = {}
    for path in draw(st.lists(PATHS, max_size=12)):
        name = f"more/{path}".lower()
        parents = [name[:n] for n, c in enumerate(name) if c == "/"]
        if name in taken or any(taken.get(x) for x in parents):
            continue
        is_file = draw(st.booleans())
        taken |= dict.fromkeys(parents, False) | {name: is_file}
        tree[name] = (draw(st.binary(max_size=2000)), draw(st.integers(0, 0o777))) if is_file else None
    return tree


def packed_by(form: int, files: Sequence[tuple[str, tuple[bytes, int] | None]]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", format=form, compresslevel=1) as tar:
        for name, found in files:
            info = tarfile.TarInfo(name)
            info.type, info.mtime, info.uname, info.uid = (
                (tarfile.REGTYPE if found else tarfile.DIRTYPE),
                AT,
                "builder",
                7,
            )
            data, info.mode = found or (b"", 0o755)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


@settings(deadline=None, max_examples=40)
@given(trees(), st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]), st.sampled_from(["", "./", T]), st.randoms())
def test_any_bundle_splits_into_bundles_that_together_are_it(
    tree: dict[str, tuple[bytes, int] | None], form: int, top: str, order: random.Random
) -> None:
    own = {f"server/dist/plugin-{x}-amd64": x for x in ("linux", "freebsd", "openbsd")}
    files: dict[str, tuple[bytes, int] | None] = {name: (x.encode() * 99, 0o700) for name, x in own.items()}
    server = {"executables": {f"{x}-amd64": name for name, x in own.items()}}
    files |= tree | {"plugin.json": (manifest(server=server, webapp=None), 0o644)}
    listed = [(top + name, found) for name, found in files.items()]
    order.shuffle(listed)
    with TemporaryDirectory() as name:
        path = written(Path(name), packed_by(form, listed))
        artifacts = cut(path, Path(name) / "out")
        prefix = top.removeprefix("./")
        whole = {
            Read(
                prefix + n,
                found is None,
                (found or (b"", 0o755))[1],
                AT,
                hashlib.sha256((found or (b"",))[0]).hexdigest(),
            )
            for n, found in files.items()
        }
        common = {x for x in whole if x.name.removeprefix(prefix) not in own}
        parts = [read(Path(name) / "out" / x.name) for x in artifacts[1:]]
        assert set().union(*parts) == whole
        for artifact, part in zip(artifacts[1:], parts, strict=True):
            (mine,) = set(part) - common
            assert own[mine.name.removeprefix(prefix)] == artifact.platform.removesuffix("-amd64")
            assert len(part) == len(set(part)) == len(common) + 1


@pytest.fixture(scope="module")
def go_reads(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[Path]], list[dict[str, object]]]:
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        pytest.skip("no Go here")
    program = tmp_path_factory.mktemp("go") / "read_bundles"
    ran(go, "build", "-o", program, "tests/read_bundles.go")

    def reads(paths: Sequence[Path]) -> list[dict[str, object]]:
        return [json.loads(line) for line in ran(program, *paths)]

    return reads


def as_go(path: Path) -> list[dict[str, object]]:
    """What we read, as the program prints it."""
    with opened(path, BundleLimits()) as archive:
        return [
            {
                "name": x.name + "/" * x.is_folder,
                "is_folder": x.is_folder,
                "size": x.size,
                "mode": x.mode,
                "mtime": x.mtime,
                "owner": "",
                "sha256": hashlib.sha256(b"".join(contents)).hexdigest(),
            }
            for x, contents in archive.entries()
        ]


def test_go_and_gnu_tar_read_the_bundles_of_each_platform(
    tmp_path: Path, go_reads: Callable[[Sequence[Path]], list[dict[str, object]]]
) -> None:
    more = [entry(T + "noise", NOISE)]
    more.append(pax(record("path", T + "ü" * 120)) + entry("x", b"long"))
    artifacts = cut(written(tmp_path, plugin(folder(T), *more)), tmp_path / "out")
    paths = [tmp_path / "out" / x.name for x in artifacts]
    for path, seen in zip(paths, go_reads(paths), strict=True):
        assert seen == {"entries": as_go(path), "error": ""}
        if shutil.which("tar") and shutil.which("gzip"):
            assert ran("gzip", "-t", path) == []
            assert len(ran("tar", "-tzf", path)) == len(as_go(path))


def test_go_sees_in_what_is_not_refused_the_same_as_we(
    tmp_path: Path, go_reads: Callable[[Sequence[Path]], list[dict[str, object]]]
) -> None:
    chance = random.Random(5)  # noqa: S311 - nothing secret
    parts = [
        entry("a", b"data", mode=0o755),
        folder("b/"),
        entry("b/c", b"x" * 600),
        pax(record("path", "long/" * 30 + "x") + record("size", "4")) + entry("d", b"data"),
        pax(record("mtime", "12.5") + record("comment", "x")) + entry("e"),
        long_name(b"n" * 120 + b"\0") + header(b"n", size=3, over={257: b"ustar  \0"}) + padded(b"abc"),
        pax(record("comment", "0" * 40), b"g"),
    ]
    kept: list[Path] = []
    ours = []
    for n in range(1500):
        blocks = bytearray(b"".join(chance.sample(parts, 3)) + bytes(1024))
        for _ in range(chance.randint(0, 2)):
            place = (
                chance.randrange(len(blocks))
                if n % 2
                else chance.choice([0, 100, 124, 135, 148, 156, 257, 263, 345, 508])
            )
            blocks[place] = chance.choice(b"\0 07x/\x80\xff")
            if n % 3:  # so that more than the checksum decides
                blocks[148:156] = b" " * 8
                blocks[148:156] = b"%06o\0 " % sum(blocks[:512])
        path = tmp_path / f"{n}.tar.gz"
        path.write_bytes(gzip.compress(blocks, 1))
        with contextlib.suppress(BadBundle):
            ours.append(as_go(path))
            kept.append(path)
    assert len(kept) > 200
    for path, our, seen in zip(kept, ours, go_reads(kept), strict=True):
        assert not seen["error"], path
        theirs = seen["entries"]
        assert isinstance(theirs, list)
        for x in theirs:
            x["name"] = x["name"].removeprefix("./").rstrip("/") + "/" * x["is_folder"]
        assert [x for x in theirs if x["name"] not in {"./", "/"}] == our
