"""What doctor says of cutting: the key, the storage, the listing, and whether nothing is left out."""

import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from fake_github import TOKEN, fake_github
from gpg_keys import HAS_GPG, export, gpg, make_key
from s3_server import RCLONE, s3_server
from workshop import PASSPHRASE

from mmbot.config import Config
from mmbot.doctor.finding import Finding
from mmbot.doctor.workshop import workshop as examine
from mmbot.release.signing import Key

needs_gpg = pytest.mark.skipif(not HAS_GPG, reason="gpg is missing")
needs_rclone = pytest.mark.skipif(not RCLONE, reason="rclone is missing")
MATTERMOST = {"url": "http://127.0.0.1:1", "team": "t", "channel": "c"}


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


async def look(folder: Path, sections: dict[str, Any], **people: list[str]) -> dict[str, Finding]:
    config = Config.model_validate(
        {"mattermost": MATTERMOST, "store": {"path": folder / "mmbot.db"}, "people": people, **sections}
    )
    before = files(folder)
    async with aiohttp.ClientSession() as http:
        findings = await examine(config, folder / "config.toml", http)
    assert files(folder) == before, "doctor changed something"
    assert all(x.mend for x in findings if x.ok is False)
    assert PASSPHRASE not in repr(findings)
    return {x.name: x for x in findings}


def said(finding: Finding) -> tuple[bool | None, str]:
    return finding.ok, f"{finding.text} → {finding.mend}" if finding.mend else finding.text


async def sign(folder: Path, key: Key, **changed: object) -> Finding:
    """What is said of a key, with something of the configuration changed."""
    given = {
        "home": key.home,
        "fingerprint": key.fingerprint,
        "public_key": key.public_key,
        "passphrase": key.passphrase,
    }
    return (await look(folder, {"signing": given | changed}))["signing"]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("key") / "home", PASSPHRASE)


def whole(folder: Path, key: Key) -> dict[str, Any]:
    """A configuration with which everything can be cut, and listed in a file."""
    for name in ("bucket", "listing"):
        (folder / name).mkdir()
    (folder / "listing" / "plugins.json").write_text("[]\n")
    return {
        "release": {"organisation": "mattermost", "obtain": "build", "build": ["sh", "build.sh"]},
        "signing": vars(key),
        "storage": {"url": (folder / "bucket").as_uri(), "public_url": "https://plugins.example.com/release"},
        "listing": {"file": folder / "listing" / "plugins.json"},
    }


# The whole


async def test_where_nothing_is_cut_nothing_is_said(tmp_path: Path) -> None:
    assert await look(tmp_path, {}) == {}


@needs_gpg
async def test_a_whole_configuration_is_found_well(tmp_path: Path, key: Key) -> None:
    found = await look(tmp_path, whole(tmp_path, key), release=["rosa"])
    assert {name: x.ok for name, x in found.items()} == dict.fromkeys(
        ("cutting", "build command", "signing", "storage", "listing"), True
    )
    assert found["cutting"].text == (
        f"plugins of mattermost are cut in {tmp_path / 'cuts'}; bundles come from the build command"
    )
    assert found["build command"].text == "sh is there; it runs code of the repositories with mmbot's own account"
    assert found["listing"].text == f"{tmp_path}/listing/plugins.json has 0 releases of 0 plugins; it is changed there"


async def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    found = await look(tmp_path, {"release": {"obtain": "github"}, "storage": {"public_url": "https://x.example.com"}})
    assert said(found["cutting"]) == (
        False,
        (
            f"nothing can be cut, for {tmp_path}/config.toml lacks release.organisation (whose repositories are cut), signing (the key "
            "that signs), storage (where it is uploaded to) → Add it there. “Cutting and listing” in docs/operations.md says how."
        ),
    )
    assert said(found["listing"]) == (True, "none is configured, so `mmbot generator` changes it by hand")


@needs_gpg
async def test_without_release_users_nobody_may_cut(tmp_path: Path, key: Key) -> None:
    found = await look(tmp_path, whole(tmp_path, key))
    assert found["cutting"].text == "nobody is a release user, so nobody may cut"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@needs_gpg
async def test_a_folder_of_cuts_of_somebody_else_is_told(tmp_path: Path, key: Key) -> None:
    (tmp_path / "cuts").mkdir(mode=0o500)
    found = await look(tmp_path, whole(tmp_path, key), release=["rosa"])
    assert "cuts cannot be written by user" in found["cutting"].text


@pytest.mark.parametrize(
    ("command", "ok", "text"),
    [
        ([], False, "there is none, though bundles are to be built"),
        (["no-such-program-anywhere", "dist"], False, "no-such-program-anywhere cannot be started"),
        (["/no/such/program"], False, "/no/such/program cannot be started"),
        (["./build.sh"], True, "./build.sh is a program of each repository's own"),
        (["sh", "build.sh"], True, "sh is there; it runs code of the repositories with mmbot's own account"),
    ],
)
async def test_the_build_command_has_to_be_there(tmp_path: Path, command: list[str], ok: bool, text: str) -> None:  # noqa: FBT001 -- a parameter of the test
    found = (await look(tmp_path, {"release": {"obtain": "build", "build": command}}))["build command"]
    assert (found.ok, found.text) == (ok, text)


async def test_the_folder_of_bundles_has_to_be_there(tmp_path: Path) -> None:
    sections = {"release": {"bundles": tmp_path / "bundles"}}
    assert (await look(tmp_path, sections))["folder of bundles"].ok is False
    (tmp_path / "bundles").mkdir()
    assert (await look(tmp_path, sections))["folder of bundles"].ok


# Signing


@needs_gpg
async def test_a_key_that_signs_is_described(tmp_path: Path, key: Key) -> None:
    short = key.fingerprint[-16:]
    assert said(await sign(tmp_path, key)) == (
        True, f"gpg signs with {short} (RSA, 2048 bits), and the public key verifies it",
    )  # fmt: skip


@needs_gpg
async def test_what_keeps_a_key_from_signing_is_told_as_a_cut_would(tmp_path: Path, key: Key) -> None:
    wrong = await sign(tmp_path, key, passphrase="another one")
    assert said(wrong) == (
        False,
        "The passphrase in `signing.passphrase` isn't that of the signing key → “Cutting and listing” in docs/operations.md says how.",
    )
    empty = tmp_path / "empty"
    (empty / "private-keys-v1.d").mkdir(parents=True)
    empty.chmod(0o700)
    assert "doesn't hold the secret key" in (await sign(tmp_path, key, home=empty)).text
    assert "holds no secret keys" in (await sign(tmp_path, key, home=tmp_path / "nowhere")).text
    assert "can't be read" in (await sign(tmp_path, key, public_key=tmp_path / "nowhere.asc")).text
    assert "isn't the key" in (await sign(tmp_path, key, fingerprint="0" * 40)).text


@needs_gpg
async def test_a_home_that_others_can_enter_is_told_the_command(tmp_path: Path, key: Key) -> None:
    key.home.chmod(0o750)
    try:
        found = await sign(tmp_path, key)
    finally:
        key.home.chmod(0o700)
    assert said(found) == (False, f"{key.home} can be entered by others (mode 750) → chmod 700 {key.home}")


@needs_gpg
async def test_a_key_that_ends_soon_is_pointed_out(tmp_path: Path) -> None:
    made = make_key(tmp_path / "soon", PASSPHRASE, expires="20d")
    found = await sign(tmp_path, made)
    assert (found.ok, found.text.rpartition(" ")[0]) == (
        None,
        f"gpg signs with {made.fingerprint[-16:]} (RSA, 2048 bits), and the public key verifies it; the key ends on",
    )
    later = ("--pinentry-mode", "loopback", "--passphrase", PASSPHRASE, "--quick-set-expire", made.fingerprint, "2y")
    gpg(made.home, *later)
    export(made.home, made.fingerprint)
    assert (await sign(tmp_path, made)).ok


# Storage


async def store(folder: Path, url: str, **options: str) -> Finding:
    return (await look(folder, {"storage": {"url": url, "options": options}}))["storage"]


@needs_rclone
async def test_a_storage_is_asked_for_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "buckets" / "plugins").mkdir(parents=True)
    with s3_server(tmp_path / "buckets") as options:
        found = await store(tmp_path, "s3://plugins/release", **options)
        assert said(found) == (
            True, "s3://plugins/release answers and lets mmbot read; whether it takes uploads, the first cut shows",
        )  # fmt: skip
        found = await store(tmp_path, "s3://plugins/release", **(options | {"aws_secret_access_key": "wrong"}))
        assert (found.ok, found.text[:38]) == (False, "The storage refuses the credentials in")
        found = await store(tmp_path, "s3://nowhere", **options)
        assert (found.ok, found.mend) == (False, "Create it, or correct the address.")
    found = await store(tmp_path, "s3://plugins/release", **options)
    assert (found.ok, found.text) == (None, "s3://plugins/release: The storage can't be reached at the moment.")


async def test_an_address_that_is_none_and_a_folder_that_is_not_there_are_told(tmp_path: Path) -> None:
    assert (await store(tmp_path, "plugins")).text == "`storage.url` isn't an address of a storage"
    place = tmp_path / "a folder"
    assert (await store(tmp_path, place.as_uri())).mend == "Make it first."
    place.mkdir()
    assert said(await store(tmp_path, place.as_uri())) == (True, f"{place} can be written")


# The listing


async def test_the_listing_has_to_be_the_marketplaces_database(tmp_path: Path) -> None:
    file = tmp_path / "plugins.json"
    listing = {"listing": {"file": file}}
    assert said((await look(tmp_path, listing))["listing"])[0] is False
    file.write_text("{}")
    assert "is not the Marketplace's database" in (await look(tmp_path, listing))["listing"].text
    file.write_text("[]\n")
    assert (await look(tmp_path, listing))["listing"].ok


async def test_the_listing_is_read_where_it_is_proposed(tmp_path: Path) -> None:
    place = {"listing": {"repository": "mattermost/marketplace"}}
    async with fake_github(tmp_path) as github:
        sections = place | {"github": {"api": github.api, "token": TOKEN}}
        repository = github.git.repository("mattermost/marketplace")
        found = (await look(tmp_path, sections))["listing"]
        assert (found.ok, found.text) == (False, "`mattermost/marketplace` has no branch `production` that I can see")
        repository.commit({"plugins.json": "[]\n"}, on="refs/heads/production")
        found = (await look(tmp_path, sections))["listing"]
        assert said(found) == (
            True, "plugins.json on production of mattermost/marketplace has 0 releases of 0 plugins; changes are proposed there",
        )  # fmt: skip
    found = (await look(tmp_path, sections))["listing"]
    assert (found.ok, found.mend) == (None, "Try again later.")
    assert said((await look(tmp_path, place))["listing"]) == (None, "not checked: mend github first")
