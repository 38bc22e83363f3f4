"""The step that looks a reference up."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from mmbot.domain.references import Kind, Reference
from mmbot.events import ReferenceResolved
from mmbot.github.resolve import Before, Difference, GitLimits, Unreachable, Unresolved, resolve
from mmbot.messages import NotNow
from mmbot.outbox import Step

TRIES = 4
"""How often an unreachable repository is asked before the person is told."""


def resolving(limits: GitLimits, workdir: Path) -> Step:
    """The step. `workdir` holds temporary folders only."""

    async def resolved(arguments: Mapping[str, object], tries: int) -> ReferenceResolved:
        asked = {name: str(arguments[name]) for name in ("text", "repository", "kind", "name")}
        question = {
            "ticket": int(str(arguments["ticket"])), "text": asked["text"], "repository": asked["repository"],
            "asked_at": int(str(arguments.get("asked_at", 0))), "since": str(arguments.get("since", "")),
            "since_version": str(arguments.get("since_version", "")), "purpose": str(arguments.get("purpose", "")),
        }  # fmt: skip
        before = Before(str(question["since"]), str(question["since_version"])) if question["since"] else None
        may_be_path = bool(arguments.get("path_may_follow"))
        reference = Reference(asked["repository"], cast("Kind", asked["kind"]), asked["name"], may_be_path)
        try:
            found = await resolve(reference, limits, workdir, before)
        except Unresolved as no:
            return ReferenceResolved.model_validate({**question, "why": str(no)})
        except Unreachable as no:
            if tries < TRIES:
                raise NotNow(str(no)) from no
            return ReferenceResolved.model_validate({**question, "why": str(no)})
        differs = found.difference or Difference()
        return ReferenceResolved.model_validate({
            **question, "moved_to": found.repository, "ref_kind": found.kind,
            "ref_name": found.name if found.kind != "commit" else "", "commit": found.commit, "tree": found.tree,
            "manifest": vars(found.manifest) if found.manifest else None, "manifest_problem": found.manifest_problem,
            "evidence": found.evidence, "reachable": found.reachable, **vars(differs),
        })  # fmt: skip

    return resolved
