"""Which track a submission is on: new plugin or update, and what speaks against it, from the catalogue of listed plugins."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Listed:
    """A plugin that the Marketplace lists: its id, its highest version, the repositories it is known under (as keys), all its versions."""

    plugin_id: str
    name: str
    version: str
    repositories: frozenset[str]
    versions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Classified:
    """What a submission is.

    At most one is set of `collides_with`, a listed id of another repository, and `changed_from`, the id this repository is listed under.
    """

    track: str
    base_version: str = ""
    collides_with: str = ""
    changed_from: str = ""


def classify(listed: Iterable[Listed], repository_key: str, plugin_id: str, asked: str) -> Classified:
    """Decide the track from the listed plugins that share the repository or the id (case ignored).

    `asked` is what the submitter said ("" for nothing); it decides only where the catalogue knows neither.
    """
    rows = tuple(listed)
    same_id = next((x for x in rows if plugin_id and x.plugin_id.lower() == plugin_id.lower()), None)
    same_repository = [x for x in rows if repository_key in x.repositories]
    if same_id in same_repository and same_id:
        return Classified("update", same_id.version)
    base = same_repository[0].version if same_repository else ""
    if same_id:
        return Classified("update" if same_repository else "new", base, collides_with=same_id.plugin_id)
    if same_repository:
        return Classified("update", base, changed_from=same_repository[0].plugin_id if plugin_id else "")
    return Classified(asked or "new")
