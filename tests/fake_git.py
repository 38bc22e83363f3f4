"""A small git server on loopback: git's own http-backend over bare repositories in a folder."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

_PERSON = "Sue <sue@example.org> 1700000000 +0000"
_ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "HOME": "/nonexistent",
}
_WHERE = ["git", "--exec-path"]  # whichever git there is
_BACKEND = Path(subprocess.run(_WHERE, capture_output=True, text=True, check=True).stdout.strip()) / "git-http-backend"  # noqa: S603 - the line above


@dataclass(frozen=True)
class FakeRepository:
    """A bare repository; every method that makes something gives its SHA-1."""

    folder: Path

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """Run git on it and give what it writes."""
        done = subprocess.run(  # noqa: S603 - the tests' own arguments
            ["git", *arguments],  # noqa: S607 - whichever git there is
            cwd=self.folder,
            env=_ENVIRONMENT | {"GIT_DIR": str(self.folder)},
            input=stdin,
            capture_output=True,
            check=True,
        )
        return done.stdout.decode().strip()

    def commit(
        self,
        files: Mapping[str, str | bytes],
        *,
        on: str = "refs/heads/main",
        message: str = "A change",
        links: Mapping[str, str] | None = None,
    ) -> str:
        """Commit exactly these files, and symbolic links to places, on top of what stands on the ref `on`."""
        stream = [f"commit {on}\ncommitter {_PERSON}\ndata {len(message.encode())}\n{message}\n".encode()]
        if self.refs().get(on):
            stream.append(f"from {on}^0\ndeleteall\n".encode())
        entries = [("100644", path, content) for path, content in files.items()]
        entries += [("120000", path, place) for path, place in (links or {}).items()]
        for mode, path, content in entries:
            data = content.encode() if isinstance(content, str) else content
            stream.append(f'M {mode} inline "{path}"\ndata {len(data)}\n'.encode() + data + b"\n")
        self.git("fast-import", "--quiet", "--force", stdin=b"".join(stream))
        return self.git("rev-parse", on)

    def tag(self, name: str, commit: str, *, annotated: bool = False) -> None:
        """Make a lightweight or an annotated tag."""
        if annotated:
            text = (
                f"object {commit}\ntype {self.git('cat-file', '-t', commit)}\ntag {name}\ntagger {_PERSON}\n\n{name}\n"
            )
            commit = self.git("hash-object", "-t", "tag", "-w", "--stdin", stdin=text.encode())
        self.ref(f"refs/tags/{name}", commit)

    def ref(self, name: str, commit: str) -> None:
        """Let any ref point at a commit: refs/pull/3/head."""
        self.git("update-ref", name, commit)

    def blob(self, sha: str) -> bytes:
        """Give a file's content as it is."""
        return subprocess.run(  # noqa: S603 - the tests' own arguments
            ["git", "cat-file", "blob", sha],  # noqa: S607 - whichever git there is
            env=_ENVIRONMENT | {"GIT_DIR": str(self.folder)},
            capture_output=True,
            check=True,
        ).stdout

    def refs(self) -> dict[str, str]:
        """Give all refs with what they point at."""
        rows = self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return {name: commit for name, _, commit in (row.partition(" ") for row in rows)}


@dataclass
class FakeGit:
    """The server. What stands in `redirects`, `statuses`, `pages` and `hanging` is answered so, by path."""

    root: Path
    host: str = ""  # host:port
    redirects: dict[str, str] = field(default_factory=dict)  # a path's beginning -> what to put in its place
    statuses: dict[str, int] = field(default_factory=dict)  # a path's beginning -> an HTTP status
    pages: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # a path's beginning -> content type and body
    hanging: set[str] = field(default_factory=set)  # beginnings of paths that are never answered
    private: dict[str, str] = field(default_factory=dict)  # a path's beginning -> the Authorization that it takes
    requests: list[str] = field(default_factory=list)  # paths, in the order they came
    asked: asyncio.Event = field(default_factory=asyncio.Event)  # somebody waits for what is never answered
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)  # somebody left without an answer

    def url(self, name: str) -> str:
        """Give the canonical URL of `owner/repo`."""
        return f"http://{self.host}/{name}"

    def repository(self, name: str, *, filters: bool = True) -> FakeRepository:
        """Make an empty bare repository `owner/repo`, set up as on GitHub."""
        folder = self.root / f"{name}.git"
        folder.mkdir(parents=True)
        repository = FakeRepository(folder)
        repository.git("init", "--quiet", "--bare", "--template=", "--initial-branch=main", ".")
        settings = {"uploadpack.allowAnySHA1InWant": "true", "uploadpack.allowFilter": str(filters).lower()}
        with (folder / "config").open("a") as config:
            for key, value in settings.items():
                section, _, setting = key.partition(".")
                config.write(f"[{section}]\n\t{setting} = {value}\n")
        return repository

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request."""
        path = request.path
        self.requests.append(path)
        if any(path.startswith(start) for start in self.hanging):
            self.asked.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.hung_up.set()
        for start, key in self.private.items():
            if path.startswith(start) and request.headers.get("Authorization") != key:
                return web.Response(status=401, headers={"WWW-Authenticate": "Basic"})
        for start, status in self.statuses.items():
            if path.startswith(start):
                return web.Response(status=status)
        for start, (content_type, body) in self.pages.items():
            if path.startswith(start):
                return web.Response(body=body, headers={"Content-Type": content_type})
        for start, other in self.redirects.items():
            if path.startswith(start):
                place = other + request.path_qs.removeprefix(start)
                return web.Response(status=301, headers={"Location": place})
        return await self._backend(request)

    async def _backend(self, request: web.Request) -> web.Response:
        """Run http-backend as a CGI program, https://www.rfc-editor.org/rfc/rfc3875."""
        body = await request.read()  # aiohttp has unpacked it
        process = await asyncio.create_subprocess_exec(
            _BACKEND,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_ENVIRONMENT
            | {
                "GIT_PROJECT_ROOT": str(self.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
                "PATH_INFO": request.path,
                "QUERY_STRING": request.query_string,
                "REQUEST_METHOD": request.method,
                "CONTENT_TYPE": request.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "REMOTE_ADDR": "127.0.0.1",
            },
        )
        out, _ = await process.communicate(body)
        head, _, body = out.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if line)
        status = int(headers.pop("Status", "200").split(" ")[0])
        return web.Response(status=status, body=body, headers=headers)


@asynccontextmanager
async def fake_git(root: Path) -> AsyncIterator[FakeGit]:
    """Run a server over the repositories below `root`, on a free port of loopback."""
    server = FakeGit(root)
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        address, port = runner.addresses[0][:2]
        server.host = f"{address}:{port}"
        yield server
    finally:
        await runner.cleanup()
