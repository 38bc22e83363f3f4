"""The Marketplace's database, read for what a submission is compared with."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import semver

from mmbot.domain.intake import Listed
from mmbot.domain.references import repository_key


class CatalogueError(Exception):
    """The file is not the Marketplace's database; the message says why."""


def read(path: Path) -> list[Listed]:
    """The listed plugins, one for each id, with its highest version and every repository it is known under; raises CatalogueError."""
    try:
        entries = json.loads(path.read_text("utf-8"))
        plugins: dict[str, list[Mapping[str, Any]]] = {}
        for entry in entries:
            plugins.setdefault(str(entry["manifest"]["id"]).lower(), []).append(entry)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CatalogueError(f"{path}: not a list of Marketplace entries ({type(error).__name__}: {error})") from error
    return [_listed(releases) for releases in plugins.values()]


def _listed(releases: list[Mapping[str, Any]]) -> Listed:
    newest = max(releases, key=lambda x: _order(str(x["manifest"].get("version", ""))))
    manifest = newest["manifest"]
    addresses = {str(x.get(name) or "") for x in releases for name in ("homepage_url", "release_notes_url")}
    addresses |= {
        str(x["manifest"].get(name) or "")
        for x in releases
        for name in ("homepage_url", "support_url", "release_notes_url")
    }
    addresses |= {f"https://github.com/mattermost/{x['repo_name']}" for x in releases if x.get("repo_name")}
    keys = frozenset(key for key in map(repository_key, addresses) if key)
    versions = frozenset(str(x["manifest"].get("version", "")) for x in releases)
    return Listed(str(manifest["id"]), str(manifest.get("name", "")), str(manifest.get("version", "")), keys, versions)


def _order(version: str) -> tuple[bool, semver.Version]:
    valid = semver.Version.is_valid(version)
    return valid, semver.Version.parse(version) if valid else semver.Version(0)
