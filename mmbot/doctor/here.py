"""What `mmbot doctor` can tell from this machine alone: files, policy, roles, store, git."""

import asyncio
import fcntl
import os
import re
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from sqlite_utils import Database

from mmbot import catalogue, policy
from mmbot.config import ROLES_BESIDES, Config, secrets_path
from mmbot.doctor.finding import Finding, faulty, fine, open_question
from mmbot.handlers.backups import MISSING
from mmbot.store import backup
from mmbot.store.lock import lock_of
from mmbot.store.migrations import migrations
from mmbot.store.reader import remembered
from mmbot.words.phrases import plural

GIT = (2, 29)  # the first whose fetch knows --no-write-fetch-head
OLD = timedelta(days=2)
ENVIRONMENT = ("MMBOT_MATTERMOST__TOKEN", "MMBOT_MATTERMOST__SLASH_TOKENS")


def secrets(config: Config, path: Path) -> Finding:
    """Whether the tokens are there, and private."""
    name, private = "secrets", secrets_path(path)
    there = private.exists()
    place = str(private) if there else "the environment"
    if there and (mode := stat.S_IMODE(private.stat().st_mode)) & 0o077:
        return faulty(name, f"{private} can be read by others (mode {mode:o})", f"chmod 600 {private}")
    if not config.mattermost.token.get_secret_value():
        return faulty(
            name,
            f"no token for the bot, neither in {private} nor in {ENVIRONMENT[0]}",
            "Run `mmbot setup`: it makes one.",
        )
    if not any(token.get_secret_value() for token in config.mattermost.slash_tokens):
        return faulty(
            name,
            f"no token of the slash command, neither in {private} nor in {ENVIRONMENT[1]}",
            "Run `mmbot setup`: it fetches it.",
        )
    overriding = [variable for variable in ENVIRONMENT if there and variable in os.environ]
    note = f"; {' and '.join(overriding)} in the environment counts more" if overriding else ""
    return fine(name, f"both tokens are in {place}{note}")


def rules(config: Config) -> tuple[Finding, policy.Policy | None]:
    """Whether the policy loads, and it."""
    source = str(config.sources.policy or "the built-in policy")
    try:
        found = policy.load(config.sources.policy)
    except policy.PolicyError as error:
        return faulty("policy", str(error), f"Correct {source}, or take sources.policy out of the configuration."), None
    return fine("policy", f"{source} loads; requirements of {found.current}"), found


def roles(config: Config, path: Path, loaded: policy.Policy | None) -> Finding:
    """Whether everybody whom the process needs is named."""
    name = "roles"
    if loaded is None:
        return open_question(name, "not checked: mend the policy first")
    strange = sorted(set(config.people) - {*loaded.roles, *ROLES_BESIDES})
    if strange:
        known = ", ".join([*loaded.roles, *ROLES_BESIDES])
        return faulty(name, f"people.{strange[0]} is no role", f"In {path}, use one of: {known}.")
    wanted = ["admin", *(x.name for x in loaded.roles.values() if x.enabled)]
    lacking = [role for role in wanted if not config.people.get(role)]
    if not config.default_owner and not config.people.get("owner"):
        lacking.append("owner")
    if lacking:
        lines = ", ".join(f'{role} = ["…"]' for role in lacking)
        return faulty(
            name, f"nobody is named as {', '.join(lacking)}", f"In {path}, under [people], add user names: {lines}."
        )
    if config.default_owner and config.default_owner not in config.people.get("owner", ()):
        mend = f"In {path}, under [people], add {config.default_owner} to owner; or name another default_owner."
        return faulty(name, f"default_owner is {config.default_owner}, who is not named as owner", mend)
    return fine(name, f"somebody is named as {', '.join(wanted)}")


def listed(config: Config, path: Path) -> Finding:
    """Whether the Marketplace's database can be read."""
    name, file = "catalogue", config.sources.catalogue
    if file is None:
        return fine(name, "none is configured, so updates are not told from new plugins")
    if not file.exists():
        return faulty(
            name,
            f"{file} does not exist",
            f"Put the Marketplace's plugins.json there, or correct sources.catalogue in {path}.",
        )
    try:
        plugins = catalogue.read(file)
    except catalogue.CatalogueError as error:
        return faulty(
            name,
            str(error),
            f"Put the Marketplace's plugins.json there, readable for mmbot, or correct sources.catalogue in {path}.",
        )
    return fine(name, f"{file} lists {plural(len(plugins), 'plugin')}")


def store(config: Config) -> tuple[Finding, bool]:
    """Whether the store can be used, and whether a running mmbot uses it now."""
    name, path = "store", config.store.path
    folder = next((x for x in path.parents if x.exists()), path.parent)
    user = f"user {os.geteuid()}"
    if not folder.is_dir():
        return faulty(name, f"{folder} is no folder", f"Correct store.path, now {path}."), False
    for place in [folder, *(x for x in (path, lock_of(path)) if x.exists())]:
        if not os.access(place, os.R_OK | os.W_OK):
            return faulty(
                name,
                f"{place} cannot be written by {user}",
                f"Make {path.parent} and what is in it that user's (mkdir -p, chown), or run mmbot as their owner.",
            ), False
    running = _held(lock_of(path))
    if not path.exists():
        return fine(name, f"{path} is made when mmbot starts"), running
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=2.0)) as connection:
            sound = connection.execute("PRAGMA quick_check(1)").fetchall()
            applied = {migration.name for migration in migrations.applied(Database(connection))}
    except sqlite3.Error as error:
        sound, applied = [(str(error),)], set()
    if sound != [("ok",)]:
        return faulty(
            name,
            f"{path} is damaged, or no store: {sound[0][0]}",
            "Stop mmbot, and put a backup in its place: `mmbot restore FILE`, which keeps what is there.",
        ), running
    known = {migration.name for migration in migrations._migrations}  # noqa: SLF001 -- the library lists only pending ones
    if applied - known:
        return faulty(name, f"{path} was written by a newer mmbot", "Upgrade mmbot to that version."), running
    return fine(name, f"{path} is sound; mmbot is {'running' if running else 'not running'}"), running


def backups(config: Config, *, sound: bool = True) -> Finding:
    """Whether there are backups, and the nightly one works; where the store is not `sound`, only what there is."""
    name, folder = "backups", config.backups
    if not config.backup.keep:
        return fine(name, "none is made at night, since backup.keep is 0")
    made = backup.nightly(config.store.path, folder)
    newest = f"the newest is {made[-1].name}" if made else "there is none yet"
    if not sound:
        return open_question(name, f"in {folder}, {newest}; mend the store first")
    above = next((x for x in (folder, *folder.parents) if x.exists()), folder)
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        mend = f"Make {folder} a folder that user {os.geteuid()} can write, or correct backup.folder."
        return faulty(name, f"{above} cannot be written by user {os.geteuid()}", mend)
    try_it = "`mmbot backup` makes one now, or says what is in the way."
    if why := remembered(config.store.path, MISSING):
        return faulty(name, f"the last nightly one failed: {why} In {folder}, {newest}", try_it)
    if made and datetime.now(UTC) - backup.made_at(made[-1]) > OLD:
        return faulty(
            name, f"in {folder}, {newest}, which is old", f"Let mmbot run at {config.backup.hour}:00 UTC. {try_it}"
        )
    return fine(name, f"in {folder}, {newest}; they are made at {config.backup.hour}:00 UTC while mmbot runs")


async def git() -> Finding:
    """Whether git is there and new enough."""
    name, least = "git", ".".join(map(str, GIT))
    mend = f"Install git {least} or newer, where mmbot's PATH finds it."
    try:
        process = await asyncio.create_subprocess_exec(
            "git", "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
    except OSError as error:
        return faulty(name, f"git cannot be started ({error.strerror})", mend)
    said, _ = await process.communicate()
    found = re.search(rb"(\d+)\.(\d+)[.\w]*", said)
    if not found:
        return faulty(name, "git does not tell its version", mend)
    fits = (int(found[1]), int(found[2])) >= GIT
    version = f"version {found[0].decode()}"
    return fine(name, version) if fits else faulty(name, f"{version} is too old", mend)


def _held(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # let go by closing
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
