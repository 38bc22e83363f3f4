"""Bundles taken from an address or a folder."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from mmbot.reach import behind_proxy
from mmbot.release.take import BadBundlePlace, Unavailable, take

BUNDLE = b"a bundle" * 100_000
SUM = hashlib.sha256(BUNDLE).hexdigest()


class Place:
    """A web server on loopback that is taken over http; what it answers to a path stands in `answers`."""

    def __init__(self) -> None:
        self.host = ""
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked = asyncio.Event()
        self.seen: list[str] = []

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request.headers.get("Accept-Encoding", ""))
        self.asked.set()
        if request.path == "/endless":
            response = web.StreamResponse()
            await response.prepare(request)
            while True:
                await response.write(bytes(2**16))
        if request.path == "/hang":
            await asyncio.Event().wait()
        if request.path == "/short":
            response = web.StreamResponse(headers={"Content-Length": str(len(BUNDLE))})
            await response.prepare(request)
            await response.write(BUNDLE[:1000])
            assert request.transport
            request.transport.close()
            return response
        status, headers, body = self.answers.get(request.path, (404, {}, b""))
        return web.Response(status=status, headers=headers, body=body)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    there = Place()
    app = web.Application()
    app.router.add_get("/{path:.*}", there.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        there.host = f"127.0.0.1:{runner.addresses[0][1]}"
        yield there
    finally:
        await runner.cleanup()


class Taking:
    """Takes what stands at a place."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.into = folder / "bundles", folder / "bundle"
        self.folder.mkdir()
        self.seen: list[tuple[int, int]] = []

    async def at(self, place: str, sha256: str = SUM, limit: int = len(BUNDLE), *hosts: str) -> bytes:
        def progress(done: int, of: int) -> None:
            self.seen.append((done, of))

        plain = frozenset(hosts or {place.split("/")[2]} if "://" in place else ())
        found = await take(place, sha256, self.folder, self.into, limit, progress, plain_http=plain)
        assert found == self.into
        return found.read_bytes()


@pytest.fixture
def taking(tmp_path: Path) -> Taking:
    return Taking(tmp_path)


async def test_a_bundle_is_downloaded_once(place: Place, taking: Taking) -> None:
    place.answers["/b"] = (302, {"Location": "/c?x=1"}, b"")
    place.answers["/c"] = (200, {"Content-Encoding": "gzip"}, BUNDLE)  # which it isn't
    assert await taking.at(place.url("/b"), SUM.upper()) == BUNDLE
    assert taking.seen == sorted(taking.seen)
    assert taking.seen[-1] == (len(BUNDLE), len(BUNDLE))
    assert place.seen == ["identity", "identity"]
    assert await taking.at(place.url("/gone")) == BUNDLE
    assert len(place.seen) == 2


async def test_a_bundle_is_taken_from_the_folder(taking: Taking) -> None:
    (taking.folder / "sub").mkdir()
    (taking.folder / "sub/b.tar.gz").write_bytes(BUNDLE)
    (taking.folder / "latest").symlink_to("sub/b.tar.gz")
    for where in ("sub/b.tar.gz", "latest", str(taking.folder / "sub/b.tar.gz"), "./sub//b.tar.gz"):
        assert await taking.at(where) == BUNDLE
        taking.into.unlink()


@pytest.mark.parametrize(
    "where",
    [
        "out",
        "outfolder/bundle",
        "../secret",
        "sub/../../secret",
        "fifo",
        "sub",
        ".",
        "gone",
        "round",
        "/etc/passwd",
        "a\0b",
        "x" * 300,
    ],
)
async def test_nothing_else_is_taken_from_the_folder_or_outside(taking: Taking, where: str) -> None:
    secret = taking.folder.parent / "secret"
    secret.write_bytes(BUNDLE)
    (taking.folder / "sub").mkdir()
    (taking.folder / "out").symlink_to(secret)
    (taking.folder / "outfolder").symlink_to(taking.folder.parent)
    (taking.folder / "round").symlink_to("round")
    os.mkfifo(taking.folder / "fifo")
    with pytest.raises(BadBundlePlace) as said:
        await taking.at(where)
    assert "secret" not in str(said.value)
    assert not taking.into.exists()


async def test_without_a_folder_no_path_is_taken(tmp_path: Path) -> None:
    with pytest.raises(BadBundlePlace, match=r"release\.bundles"):
        await take("b.tar.gz", SUM, None, tmp_path / "into", 1000, lambda *_: None)


async def test_other_bytes_are_refused_with_their_sum(place: Place, taking: Taking) -> None:
    place.answers["/b"] = (200, {}, b"other")
    (taking.folder / "b").write_bytes(b"other")
    for where in (place.url("/b"), "b"):
        with pytest.raises(BadBundlePlace, match="another SHA-256: `d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53"):
            await taking.at(where)
        assert not taking.into.exists()
    for wrong in ("", "abc", SUM + "0", SUM[:-1] + "g"):
        with pytest.raises(BadBundlePlace, match="isn't a SHA-256"):
            await taking.at("b", wrong)


async def test_what_is_too_large_is_refused_at_once(place: Place, taking: Taking) -> None:
    place.answers["/b"] = (200, {}, BUNDLE)
    (taking.folder / "b").write_bytes(BUNDLE)
    for where in (place.url("/b"), "b", place.url("/endless")):
        with pytest.raises(BadBundlePlace, match="larger than"):
            await taking.at(where, limit=len(BUNDLE) - 1)
    assert not taking.into.exists()
    assert (taking.folder.parent / "bundle.part").stat().st_size < 2 * len(BUNDLE)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.org/b", "over https only"),
        ("ftp://example.org/b", "over https only"),
        ("file:///etc/passwd", "over https only"),
        ("https:///b", "isn't the address"),
        ("https://exa mple.org/b", "isn't the address"),
        ("https://[::1/b", "isn't the address"),
        ("https://example.org:99999/b", "isn't the address"),
        ("https://sue:hidden@example.org/b", "user name or password"),
        ("https://example.org/\nb", "isn't the address"),
        ("https://127.0.0.1/b", "isn't on the public internet"),
        ("https://[::1]/b", "isn't on the public internet"),
        ("https://2130706433/b", "isn't on the public internet"),
        ("https://169.254.169.254/latest", "isn't on the public internet"),
        ("https://localhost/b", "isn't on the public internet"),
        ("", "isn't the address"),
    ],
)
async def test_only_public_https_addresses_are_asked(place: Place, taking: Taking, url: str, why: str) -> None:
    if "public" in why and behind_proxy():
        pytest.skip("a proxy decides here")
    with pytest.raises(BadBundlePlace, match=why) as said:
        await taking.at(url, SUM, 10, "elsewhere")
    assert "hidden" not in str(said.value)
    if not url or "\n" in url:
        return
    place.answers["/b"] = (302, {"Location": url}, b"")
    with pytest.raises(BadBundlePlace, match=f"{why}|redirects to what is none"):
        await taking.at(place.url("/b"), SUM, 10, place.host)


async def test_what_may_pass_is_told_from_what_will_not(place: Place, taking: Taking) -> None:
    for status, fault in (
        (404, BadBundlePlace),
        (403, BadBundlePlace),
        (206, BadBundlePlace),
        (503, Unavailable),
        (429, Unavailable),
    ):
        place.answers["/b"] = (status, {}, b"")
        with pytest.raises(fault, match=f"`127.0.0.1` answers with status {status}"):
            await taking.at(place.url("/b"))
    place.answers["/b"] = (302, {"Location": "/b"}, b"")
    with pytest.raises(BadBundlePlace, match="redirects too often"):
        await taking.at(place.url("/b"))
    for url in (place.url("/short"), "http://127.0.0.1:9/b"):
        with pytest.raises(Unavailable):
            await taking.at(url)
    assert not taking.into.exists()


async def test_taking_can_be_cancelled(place: Place, taking: Taking) -> None:
    task = asyncio.create_task(taking.at(place.url("/hang")))
    await asyncio.wait_for(place.asked.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not taking.into.exists()
