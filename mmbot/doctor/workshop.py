"""What `mmbot doctor` can tell of cutting: whether it is configured whole, signs, and reaches storage and listing."""

import asyncio
import os
import secrets
import shutil
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit

import aiohttp

from mmbot.config import Config
from mmbot.doctor.finding import Finding, faulty, fine, open_question
from mmbot.domain import listing as listings
from mmbot.domain.listing import BadListing, Database
from mmbot.github import proposals
from mmbot.github.api import GitHubUnavailable, Hub, RefusedByGitHub
from mmbot.release import signing
from mmbot.release.listing_file import BadFile, read
from mmbot.release.signing import BadKey, BadSignature, Key, KeyState
from mmbot.release.storage import BadStorage, Differs, Missing, StorageUnavailable, open_storage
from mmbot.store.reader import granted
from mmbot.words.cut_refusals import KEYS
from mmbot.words.phrases import plural

SECONDS = 30.0
SOON = timedelta(days=30)
_HOW = "“Cutting and listing” in docs/operations.md says how."


async def workshop(config: Config, path: Path, http: aiohttp.ClientSession) -> list[Finding]:
    """Whether what is configured of cutting and listing does; nothing where nothing of it is configured."""
    release, key, storage = config.release, config.signing, config.storage
    cuts = any((release.organisation, release.obtain, key.home, key.fingerprint, key.public_key, storage.url))
    found = [_whole(config, path)] if cuts else []
    if release.obtain == "build":
        found.append(_build(config, path))
    if release.bundles:
        found.append(_bundles(release.bundles))
    if key.home and key.fingerprint and key.public_key:
        made = Key(key.home, key.fingerprint, key.public_key, key.passphrase.get_secret_value())
        found.append(await _signing(made))
    if storage.url:
        found.append(await _storage(config))
    if cuts or config.listing.file or config.listing.repository:
        found.append(await _listing(config, path, http))
    return found


def _whole(config: Config, path: Path) -> Finding:
    """Whether nothing is left out, and somebody may cut."""
    name, folder = "cutting", config.store.path.parent / "cuts"
    if config.lacks:
        keys = ", ".join(f"{x} ({KEYS[x]})" for x in config.lacks)
        return faulty(name, f"nothing can be cut, for {path} lacks {keys}", f"Add it there. {_HOW}")
    if not config.people.get("release") and not granted(config.store.path, "release"):
        way = f'In {path}, under [people], add user names: release = ["…"].'
        return faulty(name, "nobody is a release user, so nobody may cut", way)
    if folder.exists() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return faulty(
            name,
            f"{folder} cannot be written by user {os.geteuid()}",
            "Make it that user's, or delete it: mmbot makes it.",
        )
    source = {
        "github": "from the releases of their repositories", "build": "from the build command", "": "only where one is named (--bundle)",
    }  # fmt: skip
    text = f"plugins of {config.release.organisation} are cut in {folder}; bundles come {source[config.release.obtain]}"
    return fine(name, text)


def _build(config: Config, path: Path) -> Finding:
    name, command = "build command", config.release.build
    if not command:
        return faulty(name, "there is none, though bundles are to be built", f"Give release.build in {path}. {_HOW}")
    program = command[0]
    if "/" in program and not program.startswith("/"):
        return fine(name, f"{program} is a program of each repository's own")
    if not shutil.which(program):
        mend = f"Install it where mmbot's PATH finds it, or correct release.build in {path}."
        return faulty(name, f"{program} cannot be started", mend)
    return fine(name, f"{program} is there; it runs code of the repositories with mmbot's own account")


def _bundles(folder: Path) -> Finding:
    name = "folder of bundles"
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
        mend = f"Make it, readable for user {os.geteuid()}, or leave release.bundles out: then bundles are taken from addresses only."
        return faulty(name, f"{folder} is no folder that can be read", mend)
    return fine(name, f"{folder} can be read")


async def _signing(key: Key) -> Finding:
    """Whether the key signs, tried on some bytes in a temporary folder."""
    name = "signing"
    try:
        if key.home.is_dir() and (mode := stat.S_IMODE(key.home.stat().st_mode)) & 0o077:
            return faulty(name, f"{key.home} can be entered by others (mode {mode:o})", f"chmod 700 {key.home}")
        async with asyncio.timeout(SECONDS):
            return _signed(key, await _try(key))
    except (BadKey, BadSignature) as no:
        return _refused(name, no)
    except TimeoutError:
        return open_question(name, f"gpg did not sign within {SECONDS:g} seconds", "Try it by hand in signing.home.")
    except OSError as error:
        place = error.filename or key.home
        mend = f"Let user {os.geteuid()} read signing.home and signing.public_key."
        return faulty(name, f"{place}: {error.strerror}", mend)


async def _try(key: Key) -> KeyState:
    with TemporaryDirectory(prefix="mmbot-doctor-", ignore_cleanup_errors=True) as folder:
        trial = Path(folder) / "trial"
        trial.write_bytes(secrets.token_bytes(1000))
        state = await signing.state(key, Path(folder))
        await signing.sign([trial], key, lambda _done, _of: None)
        await signing.verify([trial], key.public_key, key.fingerprint, Path(folder))
    return state


def _signed(key: Key, state: KeyState) -> Finding:
    bare = "" if key.passphrase else ", without a passphrase"
    text = (
        f"gpg signs with {key.fingerprint[-16:].upper()} (RSA, {state.bits} bits{bare}), and the public key verifies it"
    )
    if not state.until:
        return fine("signing", text)
    ends = datetime.fromtimestamp(state.until, UTC)
    text += f"; the key ends on {ends:%Y-%m-%d}"
    if ends - datetime.now(UTC) < SOON:
        return open_question("signing", text, f"Give it a later end, and export its public key anew. {_HOW}")
    return fine("signing", text)


async def _storage(config: Config) -> Finding:
    """Whether the storage answers for a file that is not there as it should."""
    name, url = "storage", config.storage.url
    try:
        storage = open_storage(url, {key: value.get_secret_value() for key, value in config.storage.options.items()})
        async with asyncio.timeout(SECONDS):
            await storage.check(f"mmbot-doctor-{secrets.token_hex(8)}", "0" * 64, 1)
    except (Missing, Differs):
        pass
    except BadStorage as no:
        return _refused(name, no)
    except (StorageUnavailable, TimeoutError) as no:
        way = "If this stays, correct storage.url or the endpoint in storage.options."
        return open_question(name, f"{url}: {no or f'no answer within {SECONDS:g} seconds'}", way)
    if url.startswith("file:"):
        folder = Path(unquote(urlsplit(url).path))
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            return faulty(name, f"{folder} cannot be written by user {os.geteuid()}", "Make it that user's.")
        return fine(name, f"{folder} can be written")
    return fine(name, f"{url} answers and lets mmbot read; whether it takes uploads, the first cut shows")


async def _listing(config: Config, path: Path, http: aiohttp.ClientSession) -> Finding:
    """Whether the Marketplace's database can be read where it is to be changed."""
    name, settings, token = "listing", config.listing, config.github.token.get_secret_value()
    place = settings.file or config.sources.catalogue
    proposed = bool(settings.repository and token)
    if not proposed and place is None:
        lacks = open_question(name, "not checked: mend github first")
        return (
            lacks if settings.repository else fine(name, "none is configured, so `mmbot generator` changes it by hand")
        )
    where = f"{settings.path} on {settings.branch} of {settings.repository}" if proposed else str(place)
    way = f"changes are {'proposed there' if proposed else 'shown as patches'}"
    try:
        database = await _database(config, http, None if proposed else place)
    except (RefusedByGitHub, BadFile) as no:
        return _refused(name, no)
    except GitHubUnavailable as no:
        return open_question(name, f"{where} was not read: {no}", "Try again later.")
    except BadListing as no:
        return faulty(name, f"{where} is not the Marketplace's database: {no}", f"Correct [listing] in {path}.")
    many = f"{where} has {plural(len(database.entries), 'release')} of {plural(len(database.newest), 'plugin')}"
    return _replaceable(settings.file, many) if settings.file and not proposed else fine(name, f"{many}; {way}")


async def _database(config: Config, http: aiohttp.ClientSession, place: Path | None) -> Database:
    if place:
        return listings.read((await asyncio.to_thread(read, place))[0])
    hub, at = Hub(http, config.github.token.get_secret_value(), config.github.api), config.listing
    return listings.read((await proposals.read_file(hub, at.repository, at.branch, at.path))[0])


def _replaceable(file: Path, many: str) -> Finding:
    if not os.access(file.resolve().parent, os.W_OK | os.X_OK):
        mend = f"Let user {os.geteuid()} write that folder: the file is replaced as a whole."
        return faulty("listing", f"{file} cannot be replaced where it is", mend)
    return fine("listing", f"{many}; it is changed there")


def _refused(name: str, no: Exception) -> Finding:
    """A sentence that was written for people, and the next one as the way forward."""
    what, _, way = str(no).partition(". ")
    return faulty(name, what.removesuffix("."), way or _HOW)
