"""What a cut and a takedown do to the Marketplace's database: which entry makes room, and what is taken out or restricted."""

from typing import Literal, cast

from mmbot.domain import listing
from mmbot.domain.case_facts import Removal
from mmbot.domain.listing import BadListing, Database, Entry


def same(old: Entry, new: Entry) -> bool:
    """Whether two entries differ in nothing but when they were made."""
    return {**old.fields, "updated_at": ""} == {**new.fields, "updated_at": ""}


def with_room(db: Database, new: Entry) -> Database:
    """The database without the release that a new entry replaces; nothing takes the place of what another repository listed."""
    old = db.releases(new.plugin_id, new.version)
    own = all(x.repository.lower() == new.repository.lower() for x in old)
    return listing.removed(db, new.plugin_id, new.version) if own else db


def taken_down(db: Database, plugin_id: str, removal: Removal, version: str) -> Database:
    """The database after a takedown: without a plugin (case ignored), or a version of it; or restricted.

    Of a restriction `version` is the server from which on it is shown, or "on-prem". Raises BadListing.
    """
    names = sorted({x.plugin_id for x in db.entries if x.plugin_id.lower() == plugin_id.lower()})
    hosting = cast("Literal['', 'on-prem']", version if version == "on-prem" else "")
    if removal == "restriction" and not names:
        raise BadListing("it is not in the listing's file, so there is nothing to restrict")
    for name in names:  # of old there may be several, in other capitals
        if removal == "restriction":
            db = listing.restricted(db, name, min_server_version="" if hosting else version, hosting=hosting)
        else:
            db = listing.removed(db, name, version if removal == "version" else "")
    return db


def versions(db: Database, plugin_id: str) -> list[str]:
    """Which versions of a plugin (case ignored) are in the database, as it has them."""
    return [x.version for x in db.entries if x.plugin_id.lower() == plugin_id.lower()]
