"""GitHub's webhook: its signature, and of a push what matters to a review."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from mmbot.events import Pushed

MOST_FILES = 50
_COMMIT = re.compile(r"[0-9a-f]{40}")


def signed(body: bytes, signature: str, secrets: Iterable[str]) -> bool:
    """Whether GitHub signed this body (`X-Hub-Signature-256`) with one of our secrets, in constant time; an empty one never counts."""
    given = signature.encode(errors="replace")
    return any(
        hmac.compare_digest(f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}".encode(), given)
        for secret in secrets
        if secret
    )


def pushed(body: bytes) -> Pushed | None:
    """What a push event says; None for one that adds no commit (a deleted branch) or is none of GitHub's.

    https://docs.github.com/webhooks/webhook-events-and-payloads#push
    """
    try:
        raw = json.loads(body)
        json.dumps(raw, ensure_ascii=False).encode()  # halves of characters could be neither kept nor sent
        ref, commit, repository = str(raw["ref"]), str(raw["after"]), str(raw["repository"]["html_url"])
        commits = raw.get("commits") or []
        files = [str(name) for x in commits for kind in ("added", "modified", "removed") for name in _names(x, kind)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    kind, _, name = ref.removeprefix("refs/").partition("/")
    if not _COMMIT.fullmatch(commit) or not commit.strip("0") or kind not in {"heads", "tags"} or not name:
        return None
    changed = tuple(dict.fromkeys(x[:200] for x in files))
    return Pushed(
        repository=repository[:300], ref_kind="tag" if kind == "tags" else "branch", ref_name=name[:250], commit=commit,
        files=changed[:MOST_FILES], more=max(0, len(changed) - MOST_FILES),
    )  # fmt: skip


def _names(commit: Mapping[str, Any], kind: str) -> list[Any]:
    found = commit.get(kind) or []
    return list(found) if isinstance(found, list) else []
