"""The Marketplace's database, read for what a submission is compared with."""

from pathlib import Path

from mmbot.domain import listing
from mmbot.domain.intake import Listed
from mmbot.domain.listing import BadListing, Entry
from mmbot.domain.references import repository_key


class CatalogueError(Exception):
    """The file is not the Marketplace's database; the message says why."""


def read(path: Path) -> list[Listed]:
    """The listed plugins, one for each id, with its highest version and every repository it is known under; raises CatalogueError."""
    try:
        db = listing.read(path.read_bytes())
    except OSError as error:
        raise CatalogueError(f"{path}: {error.strerror}") from error
    except BadListing as error:
        raise CatalogueError(f"{path}: not a list of Marketplace entries: {error}") from error
    plugins: dict[str, list[Entry]] = {}
    for entry in db.entries:
        plugins.setdefault(entry.plugin_id.lower(), []).append(entry)
    return [_listed(db.newest[key], releases) for key, releases in plugins.items()]


def _listed(newest: Entry, releases: list[Entry]) -> Listed:
    addresses = {str(x.fields.get(name) or "") for x in releases for name in ("homepage_url", "release_notes_url")}
    addresses |= {
        str(x.manifest.get(name) or "")
        for x in releases
        for name in ("homepage_url", "support_url", "release_notes_url")
    }
    addresses |= {f"https://github.com/mattermost/{x.repository}" for x in releases if x.repository}
    keys = frozenset(key for key in map(repository_key, addresses) if key)
    versions = frozenset(x.version for x in releases)
    return Listed(newest.plugin_id, str(newest.manifest.get("name", "")), newest.version, keys, versions)
