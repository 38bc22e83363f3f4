"""A build command on a folder: what it is given, what it may cost, and that nothing of it goes on."""
# ruff: noqa: ASYNC240 - small files of the test's own

import asyncio
import dataclasses
import os
import signal
import stat
import subprocess
import sys
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

from mmbot.release.build import BuildFailed, BuildLimits, build, discard

LIMITS = BuildLimits(seconds=30, memory=2**29, file=2**20, output=2**21)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


class Build:
    """Builds with a shell script."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder.parent / "log"
        self.seen: list[tuple[int, int]] = []
        self.mark = uuid.uuid4().hex  # of this test alone: others run beside it, in folders that are named for them
        self.forever = f"while :; do sleep 1; done; : {self.mark}"

    async def by(self, script: str, pattern: str = "dist/*.tar.gz", limits: BuildLimits = LIMITS) -> Path:
        def progress(done: int, of: int) -> None:
            self.seen.append((done, of))

        command = ("/bin/sh", "-c", script)
        return await build(self.folder, command, pattern, limits, self.log, progress, source_date=1_700_000_000)


@pytest.fixture
def run(folder: Path) -> Build:
    return Build(folder)


def alive(mark: str) -> list[int]:
    """Give the processes, but this one, in whose command line a mark stands."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if mark.encode() in entry.read_bytes() and int(entry.parent.name) != os.getpid():
                found.append(int(entry.parent.name))
    return found


async def test_the_one_file_that_fits_is_given_and_the_log_kept(run: Build, folder: Path) -> None:
    bundle = await run.by("echo building; mkdir dist; echo x > dist/a.tar.gz; echo y > dist/a.zip; echo done >&2")
    assert bundle == folder / "dist/a.tar.gz"
    assert run.log.read_text() == "building\ndone\n"
    assert stat.S_IMODE(run.log.stat().st_mode) == 0o600
    assert run.seen[0] == (0, 30)
    assert sorted(path.name for path in folder.iterdir()) == ["dist"]


async def test_a_build_sees_no_secrets_and_nothing_to_read_from(run: Build, folder: Path) -> None:
    os.environ["MMBOT_TEST_SECRET"] = "swordfish"
    try:
        await run.by(
            'env > bundle; cat >> bundle; ls -l /proc/$$/fd >> bundle; pwd >> bundle; test -d "$HOME/tmp"', "bundle"
        )
    finally:
        del os.environ["MMBOT_TEST_SECRET"]
    lines = (folder / "bundle").read_text().splitlines()
    names = {line.partition("=")[0] for line in lines if "=" in line}
    assert names == {"GOFLAGS", "HOME", "LANG", "PATH", "PWD", "SOURCE_DATE_EPOCH", "TMPDIR"}
    assert f"HOME={folder}/.build-home" in lines
    assert "SOURCE_DATE_EPOCH=1700000000" in lines
    assert len([line for line in lines if "->" in line]) <= 4  # three, and what the shell has open itself


async def test_a_failure_is_told_with_its_last_line_made_harmless(run: Build) -> None:
    with pytest.raises(BuildFailed) as said:
        await run.by("printf 'first\\n\\033[31mbroken `code` @all \\033]0;title\\007\\r\\n\\n' ; exit 3")
    assert str(said.value) == "The build ended with exit code 3. It wrote last: `broken 'code' @all`"
    discard(run.folder / ".build-home")
    with pytest.raises(BuildFailed, match=r"exit code 7\.$"):
        await run.by("exit 7")
    discard(run.folder / ".build-home")
    with pytest.raises(BuildFailed, match="exit code 137"):
        await run.by("kill -9 $$")


async def test_a_command_that_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(BuildFailed, match=r"exit code 127.*No such file"):
        await build(folder, ["no-such-command"], "x", LIMITS, folder.parent / "log", lambda *_: None, source_date=0)


@pytest.mark.parametrize("pattern", ["", "/etc/passwd", "../x", "dist/../../x"])
async def test_a_pattern_stays_in_the_folder(run: Build, pattern: str) -> None:
    with pytest.raises(BuildFailed, match="isn't a pattern"):
        await run.by("true", pattern)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("true", "no file `dist/"),
        ("mkdir -p dist/a.tar.gz", "no file"),
        ("mkdir dist; touch dist/a.tar.gz dist/b.tar.gz", "2 files"),
        ("mkdir dist; ln -s /etc/passwd dist/a.tar.gz", "no file"),
        ("mkdir dist; mkfifo dist/a.tar.gz", "no file"),
        ("mkdir ../else; touch ../else/a.tar.gz; ln -s ../else dist", "no file"),
    ],
)
async def test_only_one_plain_file_counts(run: Build, script: str, why: str) -> None:
    with pytest.raises(BuildFailed, match=why):
        await run.by(script)


async def test_of_much_output_the_beginning_and_the_end_are_kept(run: Build, folder: Path) -> None:
    await run.by("echo first; yes | head -c 1000000; echo last; touch bundle", "bundle")
    log = run.log.read_bytes()
    assert log.startswith(b"first\ny\n")
    assert log.endswith(b"y\nlast\n")
    assert "… 475723 bytes left out …".encode() in log
    assert len(log) < 2**19 + 100
    discard(folder)
    folder.mkdir()
    with pytest.raises(BuildFailed, match="wrote too much"):
        await run.by("yes")


async def test_a_build_that_takes_too_long_is_stopped_with_all_of_it(run: Build) -> None:
    script = f"(setsid sh -c '{run.forever}' &) ; echo started; {run.forever}"
    with pytest.raises(BuildFailed, match=r"longer than 0\.5 seconds .*`started`"):
        await run.by(script, limits=dataclasses.replace(LIMITS, seconds=0.5))
    assert not alive(run.mark)


async def test_what_outlives_the_command_is_killed(run: Build, folder: Path) -> None:
    daemon = f'trap "" TERM HUP; touch up; {run.forever}'
    script = f"(setsid sh -c '{daemon}' >&2 &); until test -e up; do sleep 0.01; done; touch bundle"
    assert await run.by(script, "bundle") == folder / "bundle"
    assert not alive(run.mark)


async def test_a_build_that_kills_its_overseer_fails_and_does_not_hold_the_bot(run: Build) -> None:
    with pytest.raises(BuildFailed, match="exit code"):
        await run.by(f"kill -9 $PPID; {run.forever}")
    assert not alive(run.mark)


async def test_cancelling_kills_all_of_it(run: Build, folder: Path) -> None:
    task = asyncio.create_task(run.by(f"touch up; (setsid sh -c '{run.forever}' &); {run.forever}"))
    while not (folder / "up").exists():  # noqa: ASYNC110 - it is another program that makes it
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(run.mark)


def test_when_the_bot_is_killed_the_build_ends(run: Build, folder: Path) -> None:
    program = (
        "import asyncio, sys; from pathlib import Path; from mmbot.release.build import *;"
        f"asyncio.run(build(Path({str(folder)!r}), ['/bin/sh', '-c', 'echo up; {run.forever}'], 'x',"
        f" BuildLimits(), Path({str(folder.parent / 'log')!r}), lambda *_: None, source_date=0))"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as bot:  # noqa: S603 - the line above
        while not (folder.parent / "log").exists() or not (folder.parent / "log").read_text():
            assert bot.poll() is None
        assert alive(run.mark)
        os.kill(bot.pid, signal.SIGKILL)
    deadline = 500
    while alive(run.mark) and deadline:
        deadline -= 1
        signal.sigtimedwait([], 0.01)
    assert deadline


@pytest.mark.parametrize(
    ("script", "limits"),
    [
        ("head -c 2000000 /dev/zero > bundle", LIMITS),
        (f"{sys.executable} -c 'b = bytes(2**30)' && touch bundle", LIMITS),
        ("while :; do :; done", dataclasses.replace(LIMITS, cpu_seconds=1)),
    ],
)
async def test_a_build_has_its_limits(run: Build, script: str, limits: BuildLimits) -> None:
    with pytest.raises(BuildFailed, match="exit code"):
        await run.by(script, "bundle", limits)


def test_what_a_build_made_unreadable_can_be_deleted(folder: Path) -> None:
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/c").write_text("x")
    kept = folder.parent / "kept"
    kept.mkdir(mode=0o755)
    (folder / "a/link").symlink_to(kept)
    for path in (folder / "a/b/c", folder / "a/b", folder / "a"):
        path.chmod(0)
    discard(folder)
    assert not folder.exists()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o755
    folder.symlink_to(kept)
    discard(folder)
    discard(folder)
    assert kept.is_dir()
