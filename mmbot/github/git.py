"""Git as a program of its own: other people's repositories are read in isolation and never checked out."""

import asyncio
import base64
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from mmbot.processes import kill_group

_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.symlinks=false",
    "core.packedGitWindowSize=16m",
    "core.packedGitLimit=128m",
    "core.bigFileThreshold=1m",  # larger contents are streamed to disk, where their size is limited
    "credential.helper=",
    "fetch.recurseSubmodules=false",
    "fetch.unpackLimit=1",  # one pack, so that the limit on a file's size is a limit on the whole
    "gc.auto=0",
    "http.followRedirects=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=20",
    "maintenance.auto=false",
    "pack.threads=1",
    "protocol.version=2",
    "submodule.recurse=false",
    "transfer.bundleURI=false",
    "transfer.fsckObjects=true",
)
# The limits are set by the shell that becomes git, before git runs: Python's preexec_fn is unsafe beside threads. -v is not in POSIX.
_LIMITED = 'ulimit -c 0; ulimit -v "$3" 2>/dev/null || :; ulimit -f "$1" && ulimit -t "$2" && shift 3 && exec "$@"'
_MEMORY = 2 * 2**30  # bytes of address space
_ERRORS = 16 * 2**10  # bytes of what git complains about that are kept
_PASSED_ON = ("PATH", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


@dataclass(frozen=True)
class GitLimits:
    """What one look at a repository may cost, from where plain http is taken, and a token for what is private.

    The token goes to addresses below `private` alone. It must not serve what anybody can ask for: the answer tells of what is private.
    """

    seconds: float = 60
    bytes: int = 200 * 2**20
    plain_http: frozenset[str] = frozenset()  # host:port of a local mirror
    private: str = ""  # such as https://github.com/mattermost
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Ended:
    """How git ended: its exit code, what it wrote, what it complained about, and whether it was stopped for writing too much."""

    code: int
    out: bytes
    err: str
    too_much: bool


async def run_git(folder: Path, limits: GitLimits, *arguments: str, url: str = "", cap: int = 2**20) -> Ended:
    """Run git on the bare repository `folder` and read at most `cap` bytes of output.

    Only with a `url` may it use the network, and then only that URL's protocol. Its whole process group is killed
    when it writes too much or the caller is cancelled.
    """
    settings = [part for setting in _SETTINGS for part in ("-c", setting)]
    # ulimit counts files in blocks of 512 bytes and memory in KiB
    limit = (str(limits.bytes // 512 + 1), str(int(limits.seconds) + 1), str(_MEMORY // 1024))
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", _LIMITED, "git", *limit, "git", *settings, *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env=_environment(folder, urlsplit(url).scheme) | _authorised(limits, url),
        start_new_session=True,
    )
    assert process.stdout  # noqa: S101 - it is a pipe; for the type checker
    assert process.stderr  # noqa: S101 - likewise
    ended = False
    try:
        out, err = await asyncio.gather(
            _read(process.stdout, cap, lambda: kill_group(process.pid)), _read(process.stderr, _ERRORS, lambda: None)
        )
        code = await process.wait()
        ended = True
    finally:
        if not ended:
            kill_group(process.pid)
            await process.wait()
    return Ended(code, out[:cap], _complaints(err[:_ERRORS]), too_much=len(out) > cap)


def _environment(folder: Path, protocol: str) -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed_on | {
        "GIT_ALLOW_PROTOCOL": protocol or "none",  # without it, a missing object would be fetched unasked
        "GIT_ASKPASS": "/bin/false",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_DIR": str(folder),
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "TMPDIR": str(folder),
    }


def _authorised(limits: GitLimits, url: str) -> dict[str, str]:
    """What lets git read a private repository; in the environment, since others can read a command line."""
    if not (limits.token and limits.private and url.startswith(f"{limits.private.rstrip('/')}/")):
        return {}
    basic = base64.b64encode(f"x-access-token:{limits.token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{limits.private.rstrip('/')}/.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
    }


async def _read(stream: asyncio.StreamReader, cap: int, full: Callable[[], None]) -> bytes:
    """Read to the end, keeping a little more than `cap` bytes; `full` is called when there are more."""
    kept = bytearray()
    while part := await stream.read(2**16):
        if len(kept) <= cap:
            kept += part
            if len(kept) > cap:
                full()
    return bytes(kept)


def _complaints(err: bytes) -> str:
    """Give git's own words without those of the server, which could say anything."""
    lines = err.decode(errors="replace").splitlines()
    return "\n".join(line for line in lines if not line.startswith("remote:"))
