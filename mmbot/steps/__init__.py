"""The slow and remote steps that an effect can ask for, and what comes of each."""

from collections.abc import Mapping
from pathlib import Path

from mmbot.github.git import GitLimits
from mmbot.outbox import Step
from mmbot.steps.cutting import cutting
from mmbot.steps.folders import emptied
from mmbot.steps.listing import listing
from mmbot.steps.resolving import resolving
from mmbot.steps.workshop import SCRATCH, Workshop

__all__ = ["SCRATCH", "Workshop", "emptied", "steps"]


def steps(limits: GitLimits, workdir: Path, workshop: Workshop) -> Mapping[str, Step]:
    """The table of steps. `workdir` holds temporary folders only; `workshop` is where plugins are cut."""
    return {"resolve": resolving(limits, workdir), **cutting(workshop), **listing(workshop)}
