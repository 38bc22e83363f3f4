"""Files in a storage: an S3 server on loopback, a folder, memory."""
# ruff: noqa: ASYNC240 - small files of the test's own

import asyncio
import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from s3_server import OPTIONS, RCLONE, s3_server

from mmbot.release.storage import BadStorage, Differs, Missing, Storage, StorageUnavailable, open_storage

NAME = "plugin-v1.0.0.tar.gz"


def sum_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def ignore(_done: int, _of: int) -> None:
    pass


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    if not RCLONE:
        pytest.skip("rclone isn't installed")
    root = tmp_path_factory.mktemp("buckets")
    (root / "bucket").mkdir()
    with s3_server(root) as options:
        yield options


@pytest.fixture(params=["folder", "s3", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        (tmp_path / "a folder").mkdir()
        return open_storage((tmp_path / "a folder").as_uri(), {})
    if request.param == "memory":
        return open_storage("memory:///", {})
    return open_storage(f"s3://bucket/{tmp_path.name}", request.getfixturevalue("s3"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "bundle"
    path.write_bytes(b"a bundle" * 1000)
    return path


async def test_the_same_file_is_there_afterwards_and_other_bytes_are_not_overwritten(
    storage: Storage, file: Path, tmp_path: Path
) -> None:
    content, other = file.read_bytes(), b"other bytes" * 1000
    seen: list[tuple[int, int]] = []
    assert await storage.put(NAME, file, sum_of(content), replace=False, progress=lambda *at: seen.append(at)) == "made"
    assert seen == [(0, 8000), (8000, 8000)]
    assert await storage.put(NAME, file, sum_of(content), replace=False, progress=ignore) == "there"
    assert await storage.put(NAME, file, sum_of(content), replace=True, progress=ignore) == "there"
    await storage.check(NAME, sum_of(content), len(content))
    file.write_bytes(other)
    with pytest.raises(Differs, match=NAME):
        await storage.put(NAME, file, sum_of(other), replace=False, progress=ignore)
    await storage.check(NAME, sum_of(content), len(content))
    file.write_bytes(b"b" * len(content))  # as many bytes
    with pytest.raises(Differs, match=NAME):
        await storage.put(NAME, file, sum_of(file.read_bytes()), replace=False, progress=ignore)
    file.write_bytes(other)
    assert await storage.put(NAME, file, sum_of(other), replace=True, progress=ignore) == "made"
    target = tmp_path / "fetched"
    await storage.fetch(NAME, target, sum_of(other), 20_000)
    assert target.read_bytes() == other


async def test_a_large_file_goes_in_parts_with_its_progress(storage: Storage, file: Path, tmp_path: Path) -> None:
    content = random.Random(1).randbytes(20 * 2**20)  # noqa: S311 - no secret
    file.write_bytes(content)
    seen: list[tuple[int, int]] = []
    name = f"release/{NAME}"
    assert await storage.put(name, file, sum_of(content), replace=False, progress=lambda *at: seen.append(at)) == "made"
    assert seen == sorted(seen)
    assert seen[-1] == (len(content), len(content))
    assert len(seen) > 10
    target = tmp_path / "fetched"
    await storage.fetch(name, target, sum_of(content), len(content))
    assert sum_of(target.read_bytes()) == sum_of(content)
    assert await storage.put(name, file, sum_of(content), replace=False, progress=ignore) == "there"


@pytest.mark.parametrize("size", [1000, 9 * 2**20])
async def test_a_file_that_changed_on_the_way_never_appears(storage: Storage, file: Path, size: int) -> None:
    file.write_bytes(b"x" * size)
    with pytest.raises(ValueError, match="announced"):
        await storage.put(NAME, file, sum_of(b"y" * size), replace=False, progress=ignore)
    with pytest.raises(Missing, match=NAME):
        await storage.check(NAME, sum_of(b""), 0)


async def test_what_is_fetched_has_to_be_it(storage: Storage, file: Path, tmp_path: Path) -> None:
    content = file.read_bytes()
    target = tmp_path / "fetched"
    with pytest.raises(Missing, match=NAME):
        await storage.fetch(NAME, target, sum_of(content), 10_000)
    await storage.put(NAME, file, sum_of(content), replace=False, progress=ignore)
    with pytest.raises(Differs, match="other bytes"):
        await storage.fetch(NAME, target, sum_of(b"else"), 10_000)
    with pytest.raises(Differs, match="larger"):
        await storage.fetch(NAME, target, sum_of(content), 7999)
    assert not target.exists()
    await storage.fetch(NAME, target, sum_of(content), 8000)
    await storage.fetch(NAME, target, sum_of(content), 0)  # it is there
    for size in (len(content) - 1, len(content) + 1):
        with pytest.raises(Differs):
            await storage.check(NAME, sum_of(content), size)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../x",
        "a/b",
        "release/../x",
        "release/",
        "release/a/b",
        "a..b",
        ".hidden",
        "-x",
        "a%2fb",
        "a\nb",
        "ä",
        "a#1",
    ],
)
async def test_a_name_is_that_of_a_file(storage: Storage, file: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        await storage.put(name, file, sum_of(file.read_bytes()), replace=True, progress=ignore)


async def test_faults_of_the_configuration_are_told_from_those_that_pass(s3: dict[str, str], file: Path) -> None:
    digest = sum_of(file.read_bytes())
    for url, options, fault, why in (
        ("s3://bucket", s3 | {"aws_secret_access_key": "SECRET-but-wrong"}, BadStorage, "refuses the credentials"),
        ("s3://unknown", s3, BadStorage, "no such bucket"),
        ("s3://bucket", s3 | {"aws_endpoint": "http://127.0.0.1:9"}, StorageUnavailable, "can't be reached"),
    ):
        storage = open_storage(url, options)
        with pytest.raises(fault, match=why) as said:
            await storage.put(NAME, file, digest, replace=False, progress=ignore)
        assert "SECRET" not in str(said.value) + repr(storage)
        assert "127.0.0.1" not in str(said.value)
        assert said.value.__suppress_context__


@pytest.mark.parametrize(
    ("status", "fault"), [(500, StorageUnavailable), (503, StorageUnavailable), (400, BadStorage), (403, BadStorage)]
)
async def test_a_server_that_answers_with_a_status_alone(status: int, fault: type[Exception]) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text="AKID SECRET")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        options = OPTIONS | {"aws_endpoint": f"http://127.0.0.1:{runner.addresses[0][1]}", "aws_allow_http": "true"}
        with pytest.raises(fault) as said:
            await open_storage("s3://bucket", options).check(NAME, sum_of(b""), 0)
        assert "SECRET" not in str(said.value)
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("url", "options", "why"),
    [
        ("", {}, "isn't an address"),
        ("bucket", {}, "isn't an address"),
        ("https://example.org/folder", {}, "isn't an address"),
        ("s3://", {}, "isn't an address"),
        ("s3://AKID:hidden@bucket/x", {}, "isn't an address"),
        ("s3://bucket?secret=hidden", {}, "isn't an address"),
        ("s3://bucket/../x", {}, "isn't an address"),
        ("file://relative/x", {}, "isn't an address"),
        ("s3://[", {}, "isn't an address"),
        ("file:///nowhere/at/all", {}, "isn't there"),
        ("file:///", {"aws_region": "hidden"}, "has no options"),
        ("s3://bucket", {"colour": "hidden"}, "`colour`"),
        ("s3://bucket", {"aws_endpoint": "hidden"}, "has to begin with"),
        ("s3://bucket", {"aws_endpoint": "http://hidden"}, "isn't https"),
        ("az://container", {}, "Check both"),
        ("gs://bucket", {"google_service_account_key": "hidden"}, "Check both"),
    ],
)
def test_a_bad_address_is_said_without_its_secrets(url: str, options: dict[str, str], why: str) -> None:
    with pytest.raises(BadStorage, match=why) as said:
        open_storage(url, options)
    assert "hidden" not in str(said.value)


async def test_two_at_once_make_one(storage: Storage, file: Path) -> None:
    digest = sum_of(file.read_bytes())
    puts = (storage.put(NAME, file, digest, replace=False, progress=ignore) for _ in range(4))
    assert set(await asyncio.gather(*puts)) <= {"made", "there"}
    await storage.check(NAME, digest, 8000)


async def test_what_a_killed_upload_left_in_a_folder_goes_with_the_next_one(tmp_path: Path, file: Path) -> None:
    place = tmp_path / "a folder" / "release"
    place.mkdir(parents=True)
    for left in (f"{NAME}#1", f"{NAME}#2", f"{NAME}.sig#1"):
        (place / left).write_bytes(b"half")
    storage = open_storage(place.as_uri(), {})
    assert await storage.put(NAME, file, sum_of(file.read_bytes()), replace=False, progress=ignore) == "made"
    assert sorted(x.name for x in place.iterdir()) == [NAME, f"{NAME}.sig#1"]
