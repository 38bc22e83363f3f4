"""What a ticket consists of: judgements, findings, each role's review, notes; and where its plugin can be."""

from dataclasses import dataclass

from mmbot.domain import facts as f

PUBLIC = ("listed", "published")
"""The steps with which a plugin is in public."""
PAGE = "page"
"""The kind of reference that names a web page, which has no commits."""


def page_key(address: str) -> str:
    """A page's address as a key to compare pages by."""
    return f"page:{address.partition('://')[2].rstrip('/').lower()}"


@dataclass(frozen=True)
class Judgement:
    """How one item was last judged, by whom, at which commit."""

    item: str
    state: f.ItemState
    why: str
    by: str
    at: int
    commit: str


@dataclass(frozen=True)
class Finding:
    """Something that blocks the gate until its role settles it; `item` is set where a failed item is the finding."""

    number: int
    role: str
    text: str
    item: str
    by: str
    at: int
    commit: str
    confidential: bool  # whether it still is: its role may have made it public
    answered_at: int = 0
    resolved_at: int = 0
    resolved_by: str = ""

    @property
    def open(self) -> bool:
        """Whether it still blocks."""
        return not self.resolved_at


@dataclass(frozen=True)
class Review:
    """One role's part of a ticket. Times are milliseconds UTC, 0 for "not yet"."""

    role: str
    reviewer: str = ""
    assigned_at: int = 0
    requested_at: int = 0
    started_at: int = 0
    approved_by: str = ""
    approved_at: int = 0
    approved_commit: str = ""


@dataclass(frozen=True)
class Note:
    """A remark on the ticket."""

    by: str
    at: int
    role: str
    text: str
