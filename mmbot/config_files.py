"""The configuration and the file of secrets beside it, as `mmbot setup` writes them."""

import json
import os
import re
import secrets
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmbot.config import Listen, Mattermost

CUTTING = """\
# What follows is for cutting and listing: approved commits are tagged, built, split by platform, signed and uploaded, and their
# entries made. Leave all of it as it is where that is done by hand. How to set it up is told in docs/operations.md; `mmbot doctor`
# checks it without cutting anything.

# GitHub's token stands with the secrets. It is needed for private repositories, for making tags, for obtain = "github" and for
# listing.repository: a fine-grained one of an account of mmbot's own, with "Contents: read and write" for the repositories that are
# cut, and "Contents" and "Pull requests: read and write" for the one of the listing. Without it people make the tags.
[github]
api = "https://api.github.com"      # of GitHub Enterprise: https://host/api/v3
web = "https://github.com"          # where the organisation's repositories are: https://host

[release]
# organisation = "mattermost"       # only repositories of this organisation are cut: the private forks, and its own plugins
own = []                            # its own plugins, by repository name as GitHub spells it: cut without a ticket, so without review
# Where bundles come from; "" where each is named with --bundle and its SHA-256.
#   "github"  the release that the repository's CI makes when it sees the tag; needs github.token
#   "build"   the command below, run on this machine on a clean checkout; private repositories need github.token
# obtain = "github"
wait_minutes = 100                  # how long a release may take to appear with its bundle
# build = ["make", "dist"]          # a program and its arguments; no shell reads it. It runs code of the repository as mmbot's account
bundle = "dist/*.tar.gz"            # what it makes: exactly one file fits
build_minutes = 30                  # after that it is stopped, with all that it started
build_memory_mb = 4096              # for each of its processes; not for all of them together
# bundles = "bundles"               # a folder from which --bundle NAME takes; without it, only https addresses are taken
at_once = 2                         # cuts that are under way side by side, 1 to 4; more wait for their turn
macos = ["darwin", "osx"]           # the names of the macOS bundles: the same bytes under each. Old tools of the Marketplace look for "osx"

# The key that signs: RSA, in a home of gpg's of its own. Its passphrase stands with the secrets.
[signing]
# home = "keys/gnupg"               # mode 700; it is only read
# fingerprint = "0123456789ABCDEF0123456789ABCDEF01234567"  # 40 digits, of the key or of the subkey that shall sign
# public_key = "keys/mmbot.asc"     # what servers verify with, exported from there

# Where bundles and signatures are uploaded to. Keys of the storage stand with the secrets, as `options`, each a text:
#   s3://bucket/prefix  aws_access_key_id, aws_secret_access_key, aws_region; for others than Amazon aws_endpoint = "https://…" as well
#   gs://bucket/prefix  google_service_account = "/path/to/key.json"
#   az://container/prefix  azure_storage_account_name, azure_storage_account_key (or azure_storage_sas_key)
#   file:///srv/plugins  none; the folder has to be there
# http is only spoken with allow_http = "true".
[storage]
# url = "s3://plugins/release"      # files come right below it
# public_url = "https://plugins.example.com/release"  # where everybody finds the same files; it stands in the entries, so they depend on it

# How the Marketplace's database is changed, by /mb list and after a takedown. Where neither a file nor a repository is named, the change is
# shown as a patch to sources.catalogue.
[listing]
# file = "plugins.json"             # a file on this machine, replaced as a whole; you publish it
# repository = "mattermost/mattermost-marketplace"  # or a pull request there, which counts more than a file; needs github.token
branch = "production"               # what the pull request is for, and
path = "plugins.json"               # the file in it
labels = ["2: Dev Review", "3: QA Review"]  # given to the pull request

"""
"""What the example says of cutting and listing, as it stands there."""
CONFIG = """\
# mmbot's configuration, written by `mmbot setup`. Paths are relative to this file. Each key can be set by the environment
# instead: MMBOT_MATTERMOST__URL, MMBOT_LISTEN__PORT, … Secrets stand apart, in {secrets} beside this file.

# Who guides submissions that nobody has taken: a user name. That person is told of every new ticket.
default_owner = {owner}

# Where people shall report vulnerabilities, as it stands in sentences.
# security_contact = "security@example.com"

[mattermost]
url = {url}  # the server's address, as a browser uses it; a sub-path is fine
team = {team}  # the team's name in addresses, not its display name
channel = {channel}  # the channel where cards and checklists appear; the bot must be a member
security_channel = {security_channel}  # private: what is confidential is posted there, and the bot must be a member. "" for none
trigger = {trigger}  # the slash command's word. Change it where another program owns it
# late_after_minutes = 15  # what was written longer ago while mmbot was away is not done; its author is asked to repeat it

[listen]
host = {host}  # where mmbot listens. It has no TLS of its own: keep it on loopback or a private network
port = {port}
callback_url = {callback_url}  # how the server reaches that; private ones need AllowedUntrustedInternalConnections there
# per_minute = 60  # how many requests of one person are taken in a minute; of a flood the rest is ignored

[store]
path = "var/mmbot.db"  # the SQLite file: every ticket, fact and unsent post

# The running bot copies the store each night and verifies the copy; `mmbot backup` makes one at any time.
[backup]
# folder = "/srv/backups/mmbot"  # where they are kept; "backups" beside the store when left out. Another disk is better
hour = 3  # when, in UTC
keep = 14  # how many of the nightly ones are kept; 0 for none at all

[sources]
# catalogue = "plugins.json"  # the Marketplace's database: tells updates from new plugins, and finds id collisions
# policy = "policy.toml"  # a policy of your own instead of the built-in one
# plain_http = ["git.example.internal:3000"]  # hosts that git may read without TLS

{cutting}# Who holds which role, by user name. A name is looked up once and kept as a user id; later renames do no harm.
# Admins can give further roles in chat (/{trigger_word} people); what stands here is changed here, and counts after a restart.
# Reviewers: product, dev, security, qa (and docs where the policy switches it on). Besides: owner, admin, release.
[people]
admin = [{owner}]  # told when something needs an operator
owner = [{owner}]  # may guide tickets: request reviews, assign people, move reviews
# product = ["pam"]
# dev = ["dana"]
# security = ["sam"]
# qa = ["quinn", "tom"]
# release = ["rosa", "kim"]  # may cut and list; to cut anew what is listed takes two
"""


class FileTrouble(Exception):  # noqa: N818 -- a sentence for the operator
    """A file that cannot be read or kept, and how to mend it. Never holds what stands in it."""


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a file, none when it is absent; raises FileTrouble."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        # The text of a mistake may quote the file, and so a secret.
        found = re.search(r"line \d+", str(error))
        where = found.group() if found else getattr(error, "strerror", None) or "not UTF-8"
        raise FileTrouble(f"{path}: cannot be read ({where}). Mend or remove it.") from None


def known_secrets(private: Path) -> tuple[str, tuple[str, ...]]:
    """The bot's token ("" for none) and the slash command's tokens; raises FileTrouble."""
    section = read_toml(private).get("mattermost", {})
    return str(section.get("token", "")), tuple(str(x) for x in section.get("slash_tokens", []))


def keep_secrets(private: Path, **values: str | list[str]) -> None:
    """Put secrets of [mattermost] into the file, beside what else is there; raises FileTrouble."""
    table = read_toml(private)
    table = {**table, "mattermost": {**table.get("mattermost", {}), **values}}
    text = f"# mmbot's secrets, kept by `mmbot setup`: readable by their owner only.\n{_toml(table)}"
    if tomllib.loads(text) != table:
        raise FileTrouble(f"{private}: I cannot write back what is in it. Leave only token and slash_tokens there.")
    try:
        _replace(private, text)
    except OSError as error:
        raise FileTrouble(f"{private}: cannot be written ({error.strerror}). Make room or mend its folder.") from None


def tighten(private: Path) -> bool:
    """Take a file away from everybody but its owner; tells whether that was needed."""
    if not private.exists() or not stat.S_IMODE(private.stat().st_mode) & 0o077:
        return False
    try:
        private.chmod(0o600)
    except OSError:
        raise FileTrouble(f"{private}: others can read it. Mend it with: chmod 600 {private}") from None
    return True


def write_config(path: Path, place: Mattermost, listen: Listen, admin: str) -> bool:
    """Write the configuration with every key explained, unless it is there; tells whether it was written."""
    values = {key: toml_value(value) for key, value in (_plain(place) | listen.model_dump()).items()}
    text = CONFIG.format(
        **values,
        cutting=CUTTING,
        owner=toml_value(admin),
        trigger_word=place.trigger,
        secrets=f"{path.stem}.secrets.toml",
    )
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return False
    except OSError as error:
        raise FileTrouble(f"{path}: cannot be written ({error.strerror}). Make room or mend its folder.") from None
    return True


def differences(path: Path, place: Mattermost, listen: Listen) -> list[tuple[str, object, object]]:
    """Where a configuration says something else: the key, what stands there ("" for nothing), what is wanted."""
    there = read_toml(path)
    found = []
    for section, wanted, defaults in (
        ("mattermost", _plain(place), {"trigger": "mb"}),
        ("listen", listen.model_dump(), Listen().model_dump()),
    ):
        for key, value in wanted.items():
            stands = there.get(section, {}).get(key, defaults.get(key, ""))
            same = stands.rstrip("/") == value if isinstance(stands, str) else stands == value
            if not same:
                found.append((f"{section}.{key}", stands, value))
    return found


def toml_value(value: object) -> str:
    """A text, number, truth or list of them as TOML writes it."""
    return json.dumps(value, ensure_ascii=False, default=str).replace("\x7f", "\\u007f")


def _plain(place: Mattermost) -> dict[str, object]:
    return place.model_dump(exclude={"token", "slash_tokens", "late_after_minutes"})


def _toml(table: Mapping[str, Any], name: str = "") -> str:
    plain = [f"{key} = {toml_value(value)}\n" for key, value in table.items() if not isinstance(value, dict)]
    head = f"\n[{name}]\n" if name and plain else ""
    inner = [_toml(value, f"{name}.{key}".lstrip(".")) for key, value in table.items() if isinstance(value, dict)]
    return head + "".join([*plain, *inner])


def _replace(path: Path, text: str) -> None:
    """Write a private file so that it is whole or not there, and never readable by others."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if path.exists() and os.geteuid() == 0:
                # Root may mend what belongs to a service, and the service has to read it afterwards.
                os.fchown(file.fileno(), path.stat().st_uid, path.stat().st_gid)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
