"""Every request about what is cut and how it is listed."""

import re
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints

from mmbot.events.command import Command
from mmbot.events.slots import AnyTicket, CutNumber, RepositoryOption, Slot, TagOption, Text

CUT_ACTS = ("status", "cancel", "retry", "confirm")
CutAct = Literal["status", "cancel", "retry", "confirm"]


def _hexadecimal(least: int, most: int, otherwise: str) -> Callable[[str], str]:
    """A check that a text is empty or so many hexadecimal digits."""

    def checked(text: str) -> str:
        if text and not re.fullmatch(rf"[0-9a-f]{{{least},{most}}}", text):
            raise ValueError(otherwise)
        return text

    return checked


Sha = Annotated[
    str,
    Slot("option", "--commitSHA SHA", "Commit", "Left empty: the approved one."),
    StringConstraints(strip_whitespace=True, to_lower=True),
    AfterValidator(_hexadecimal(7, 40, "a commit is 7 to 40 hexadecimal digits")),
]
AssetName = Annotated[
    str,
    Slot("option", "--asset-name NAME", "Asset", "Where the release has several bundles."),
    StringConstraints(strip_whitespace=True, max_length=200),
]
BundlePlace = Annotated[
    str,
    Slot("option", "--bundle PLACE", "Bundle", "An address, or a path in the folder of bundles."),
    StringConstraints(strip_whitespace=True, max_length=1000),
]
Sha256 = Annotated[
    str,
    Slot("option", "--sha256 SUM", "Its SHA-256", "Of a bundle that is named."),
    StringConstraints(strip_whitespace=True, to_lower=True),
    AfterValidator(_hexadecimal(64, 64, "a SHA-256 is 64 hexadecimal digits")),
]


class CutPlugin(Command):
    """Cut the approved commit: tag it, have it built, split it by platform, sign it and upload it.

    A ticket says which repository and tag. An existing tag, or files that were uploaded before, are replaced with `--force WHY` only, the
    reason last; a version that is listed needs a second person besides. `--dry-run` says what would be done and what is missing.
    `--bundle PLACE --sha256 SUM` takes a bundle that was built elsewhere; that takes two, too.
    """

    words = {"cutplugin": {}}
    summaries = {"cutplugin": "build, sign and upload the approved commit of a plugin"}
    examples = {"cutplugin": "cutplugin --repo mattermost-plugin-remind --tag v1.0.0"}
    who = "release"

    repo: RepositoryOption = ""
    tag: TagOption = ""
    ticket: AnyTicket = None
    sha: Sha = ""
    asset: AssetName = ""
    bundle: BundlePlace = ""
    sha256: Sha256 = ""
    pre_release: Annotated[bool, Slot("flag", "--pre-release")] = False
    dry_run: Annotated[bool, Slot("flag", "--dry-run")] = False
    force: Annotated[bool, Slot("flag", "--force")] = False
    why: Text = ""


class ManageCut(Command):
    """Without a number it is the one under way, or the last one. `retry` goes on where it failed; `confirm` is for a second person."""

    words = {"cut": {}}
    summaries = {"cut": "what is being cut: status, cancel, retry, confirm"}
    examples = {"cut": "cut status"}
    who = "release"

    act: Annotated[CutAct, Slot("act", "status|cancel|retry|confirm", "What to do", choices=CUT_ACTS)] = "status"
    number: CutNumber = 0


class ListPlugin(Command):
    """The entry is made from what was cut, compared with what was approved, and written as the configuration says.

    For a ticket it is `--community`, and `--beta` on the Beta track; plugins of the organisation's own are named with `--repo` and `--tag`.
    `--yes` answers the questions that were asked.
    """

    words = {"list": {}}
    summaries = {"list": "make the entry in the listing from what was cut"}
    examples = {"list": "list MB-7"}
    who = "release"

    ticket: AnyTicket = None
    repo: RepositoryOption = ""
    tag: TagOption = ""
    official: Annotated[bool, Slot("flag", "--official")] = False
    partner: Annotated[bool, Slot("flag", "--partner")] = False
    community: Annotated[bool, Slot("flag", "--community")] = False
    beta: Annotated[bool, Slot("flag", "--beta")] = False
    experimental: Annotated[bool, Slot("flag", "--experimental")] = False
    cloud: Annotated[bool, Slot("flag", "--cloud")] = False
    on_prem: Annotated[bool, Slot("flag", "--on-prem")] = False
    enterprise: Annotated[bool, Slot("flag", "--enterprise")] = False
    yes: Annotated[bool, Slot("flag", "--yes")] = False
    dry_run: Annotated[bool, Slot("flag", "--dry-run")] = False


CUTS: tuple[type[Command], ...] = (CutPlugin, ManageCut, ListPlugin)
