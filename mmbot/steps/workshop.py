"""Where plugins are cut, with what, and what one step of one cut is asked to do."""

import errno
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmbot.config import Config
from mmbot.domain.artifacts import Artifact
from mmbot.github.api import Hub
from mmbot.github.git import GitLimits
from mmbot.release.signing import BadKey, Key
from mmbot.release.storage import Storage, open_storage
from mmbot.steps import folders

SCRATCH = "work"
"""The folder for what is temporary, beside the store."""
TRIES = 5
"""How often something remote is tried at least, however much time has passed: the bot may have been down, or the clock wrong."""
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class Workshop:
    """Where plugins are cut, and with what. `told` is called with a cut's number and how far its step has come."""

    folder: Path
    config: Config
    limits: GitLimits
    hub: Hub | None
    now: Callable[[], int]
    told: Callable[[int, int, int], None] = field(default=lambda _cut, _done, _of: None)

    @property
    def key(self) -> Key:
        """What signs. Raises BadKey."""
        given = self.config.signing
        if not given.home or not given.public_key:
            raise BadKey("`signing.home` and `signing.public_key` are not configured.")
        return Key(given.home, given.fingerprint, given.public_key, given.passphrase.get_secret_value())

    @property
    def storage(self) -> Storage:
        """Where it is uploaded to. Raises BadStorage."""
        given = self.config.storage
        return open_storage(given.url, {key: value.get_secret_value() for key, value in given.options.items()})

    @property
    def scratch(self) -> Path:
        """The folder for what is temporary, which is emptied at each start."""
        return self.folder.parent / SCRATCH

    @property
    def proposes(self) -> bool:
        """Whether the listing is changed by pull requests: those need a token."""
        return bool(self.config.listing.repository and self.config.github.token.get_secret_value())

    @property
    def private(self) -> GitLimits:
        """What reads the organisation's private repositories, too: for what is cut, and nothing else."""
        home = f"{self.config.github.web}/{self.config.release.organisation}"
        return replace(self.limits, private=home, token=self.config.github.token.get_secret_value())

    async def tidy(self, kept: Callable[[], Collection[int]]) -> None:
        """Delete the files of all cuts but those to be kept."""
        await folders.tidy(self.folder, kept)


@dataclass(frozen=True)
class Job:
    """What a row asks for: one step of one cut."""

    shop: Workshop
    given: Mapping[str, Any]

    def text(self, name: str) -> str:
        """One of its arguments."""
        return str(self.given[name])

    @property
    def folder(self) -> Path:
        """The cut's folder, which lives as long as the cut may go on."""
        return self.shop.folder / str(int(self.given["cut"]))

    @property
    def attempt(self) -> Path:
        """The folder of this attempt, whose bundle may be another than that of the one before."""
        return self.folder / str(int(self.given["attempt"]))

    @property
    def bundle(self) -> Path:
        """The bundle, once it is there whole."""
        return self.attempt / "bundle.tar.gz"

    @property
    def out(self) -> Path:
        """The folder of what is uploaded."""
        return self.attempt / "out"

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """What was made."""
        return tuple(Artifact.model_validate(x) for x in self.given["artifacts"])

    @property
    def forced(self) -> bool:
        """Whether what was there before may be replaced."""
        return bool(self.given["forced"])

    @property
    def path(self) -> str:
        """The repository as `owner/name`."""
        return "/".join(self.text("repository").rstrip("/").rsplit("/", 2)[-2:])

    def progress(self, done: int, of: int) -> None:
        """Tell how far it has come."""
        self.shop.told(int(self.given["cut"]), done, of)
