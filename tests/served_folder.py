"""A folder behind a small real server, as a store of cut artifacts that is read over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web


@dataclass
class Served:
    """What is asked of it it has in its folder, unless it is to answer otherwise."""

    folder: Path
    address: str = ""
    status: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = self.folder / request.match_info["name"]
        if self.status:
            return web.Response(status=self.status)
        return web.FileResponse(path) if path.is_file() else web.Response(status=404)


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Served]:
    """Serve a folder on loopback."""
    store = Served(folder)
    app = web.Application()
    app.router.add_get("/release/{name}", store.answer)  # HEAD, too
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    store.address = f"http://127.0.0.1:{port}/release"
    try:
        yield store
    finally:
        await runner.cleanup()
