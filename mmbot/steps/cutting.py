"""The steps of a cut: each may be done again after a crash, and finds what it did before."""

import asyncio
import hashlib
import json
import os
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from mmbot.domain.artifacts import Artifact
from mmbot.domain.cut_facts import CutStep, StepWent
from mmbot.domain.references import Reference
from mmbot.events import CutStepped
from mmbot.github import checkout as trees
from mmbot.github import releases, tags
from mmbot.github.api import GitHubUnavailable, Hub, RefusedByGitHub
from mmbot.github.resolve import Resolution, Unreachable, Unresolved, resolve
from mmbot.messages import NotNow
from mmbot.outbox import Step
from mmbot.release import build as building
from mmbot.release import signing, take
from mmbot.release.archive import BundleLimits
from mmbot.release.bad_bundle import BadBundle
from mmbot.release.build import BuildFailed, BuildLimits
from mmbot.release.bundle import inspect
from mmbot.release.signing import BadKey, BadSignature
from mmbot.release.split import split
from mmbot.release.storage import BadStorage, Differs, Missing, StorageUnavailable
from mmbot.steps import folders
from mmbot.steps.workshop import NO_ROOM, TRIES, Job, Workshop
from mmbot.words import cut_steps as words

T = TypeVar("T")

POLL = 20
"""Seconds between two looks whether the release has its bundle; without a token GitHub allows fewer questions."""
POLL_UNKNOWN = 120
PATIENCE = 60
"""Minutes for which something remote is tried again; a bundle that CI builds has a limit of its own."""
_WHOLE = 40


class _No(Exception):  # noqa: N818 -- a sentence on its way to the result
    pass


FOR_GOOD = (
    _No, BadBundle, BadKey, BadSignature, BadStorage, BuildFailed, Differs, Missing, RefusedByGitHub, Unresolved, take.BadBundlePlace,
)  # fmt: skip
FOR_NOW = (GitHubUnavailable, StorageUnavailable, Unreachable, take.Unavailable)


def cutting(shop: Workshop) -> Mapping[str, Step]:
    """The table of the steps of a cut."""
    work: Mapping[CutStep, Callable[[Job], Awaitable[StepWent]]] = {
        "tag": _tag, "obtain": _obtain, "verify": _verify, "split": _split, "sign": _sign,
        "verify-signatures": _verify_signatures, "upload": _upload, "verify-uploads": _verify_uploads,
    }  # fmt: skip
    return {f"cut-{name}": _step(shop, name, doing) for name, doing in work.items()}


def _step(shop: Workshop, name: CutStep, work: Callable[[Job], Awaitable[StepWent]]) -> Step:
    minutes = shop.config.release.wait_minutes if name == "obtain" else PATIENCE

    async def done(arguments: Mapping[str, object], tries: int) -> CutStepped:
        job = Job(shop, arguments)
        which = {"cut": job.given["cut"], "run": job.given["run"]}
        late = tries >= TRIES and shop.now() - int(job.given["begun"]) >= minutes * 60_000
        try:
            for folder in (job.folder, shop.scratch):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return CutStepped(**which, went=await work(job))
        except FOR_GOOD as no:
            return CutStepped(**which, went=StepWent(step=name), why=str(no))
        except (*FOR_NOW, NotNow) as no:
            if not late:
                raise NotNow(str(no), getattr(no, "seconds", 0) or None) from no
            nothing = isinstance(no, NotNow)
            why = (
                words.nothing_built(job.text("tag"), job.text("asset"), minutes)
                if nothing
                else words.unreachable(str(no), minutes)
            )
            return CutStepped(**which, went=StepWent(step=name), why=why)
        except OSError as no:
            if no.errno in NO_ROOM:
                return CutStepped(**which, went=StepWent(step=name), why=words.no_room(str(shop.folder)))
            if not isinstance(no, FileNotFoundError) or name in {"tag", "obtain"} or job.out.exists():
                raise
            return CutStepped(**which, went=StepWent(step=name), why=words.files_gone(), gone=True)

    return done


# tag


async def _tag(job: Job) -> StepWent:
    """See that the commit is what was approved, and tag it."""
    commit, tree = await (_commit_at_github(job, job.shop.hub) if job.shop.hub else _commit_by_git(job))
    approved = job.text("approved")
    if approved and commit != approved and (not tree or tree != job.text("tree")):
        raise _No(words.other_code(job.text("repository"), commit, approved))
    if job.shop.hub and job.shop.config.github.token.get_secret_value():
        return StepWent(step="tag", commit=commit, outdated=await _make_tag(job, job.shop.hub, commit))
    await _see_tag(job, commit)
    return StepWent(step="tag", commit=commit)


async def _commit_at_github(job: Job, hub: Hub) -> tuple[str, str]:
    sha = job.text("commit")
    if not sha:
        _, sha = await tags.default_branch_tip(hub, job.path)
    elif len(sha) < _WHOLE:
        sha = (await _by_git(job, Reference(job.text("repository"), "commit", sha))).commit
    tree = await tags.tree_of(hub, job.path, sha) if sha else ""
    if not tree:
        raise _No(words.no_such_commit(job.text("repository"), sha))
    return sha, tree


async def _commit_by_git(job: Job) -> tuple[str, str]:
    sha = job.text("commit")
    found = await _by_git(job, Reference(job.text("repository"), "commit" if sha else "default", sha))
    if not found.reachable:  # in a pull request or a fork: anybody can put one there
        raise _No(words.no_such_commit(job.text("repository"), found.commit))
    return found.commit, found.tree


async def _by_git(job: Job, reference: Reference) -> Resolution:
    return await resolve(reference, job.shop.private, job.shop.scratch)


async def _make_tag(job: Job, hub: Hub, commit: str) -> tuple[int, ...]:
    """Make the tag; one that was there before this cut began is only taken, or moved, where that is forced.

    Gives the files of the release that stood there before the tag was moved, by this cut or an earlier one. What is about to be done is
    noted first: done again, or begun anew after it was stopped, it is known whose tag it is and what was built from something else.
    """
    name, mark = job.text("tag"), folders.moved(job.shop.folder, job.text("repository"), job.text("tag"))
    there = await tags.tag(hub, job.path, name)
    before: dict[str, Any] = json.loads(mark.read_text()) if mark.exists() else {"cut": 0, "commit": "", "outdated": []}
    again = (before["cut"], before["commit"]) == (job.given["cut"], commit)
    if there and not job.forced and not (again and there == commit):
        raise _No(words.tag_there(name, there))
    if there == commit:
        return tuple(before["outdated"])
    release = await releases.release(hub, job.path, name)  # there may be one without a tag
    outdated = [x.id for x in release.assets] if release else []
    noted = {"cut": job.given["cut"], "commit": commit, "outdated": outdated}
    await asyncio.to_thread(_write, mark, json.dumps(noted).encode())
    try:
        await tags.make_tag(hub, job.path, name, commit, replace=job.forced)
    except RefusedByGitHub:  # it stands where it stood
        await asyncio.to_thread(_write, mark, json.dumps(before).encode())
        raise
    return tuple(outdated)


async def _see_tag(job: Job, commit: str) -> None:
    try:
        found = await _by_git(job, Reference(job.text("repository"), "tag", job.text("tag")))
    except Unresolved:
        raise _No(words.tag_missing(job.text("tag"), commit)) from None
    if found.commit != commit:
        raise _No(words.tag_elsewhere(job.text("tag"), found.commit, commit))


# obtain, verify, split


async def _obtain(job: Job) -> StepWent:
    """Get the bundle."""
    job.attempt.mkdir(exist_ok=True, mode=0o700)
    if not job.bundle.exists():
        await {"github": _from_release, "build": _built, "bundle": _given}[job.text("source")](job)
    return StepWent(step="obtain")


async def _from_release(job: Job) -> None:
    hub = job.shop.hub
    if hub is None:
        raise _No(words.no_token())
    asset = await releases.bundle_asset(
        hub, job.path, job.text("tag"), job.text("asset"), but=tuple(job.given["outdated"])
    )
    if asset is None:
        known = bool(job.shop.config.github.token.get_secret_value())
        raise NotNow("the release has no bundle yet", POLL if known else POLL_UNKNOWN)
    there = await tags.tag(hub, job.path, job.text("tag"))
    if there != job.text("commit"):  # somebody moved it: who knows what CI built
        raise _No(words.tag_moved(job.text("tag"), there, job.text("commit")))
    await releases.download(hub, job.path, asset, job.bundle, BundleLimits().packed, job.progress)


async def _built(job: Job) -> None:
    settings, source = job.shop.config.release, job.attempt / "source"
    for left in ("source", "checkout-*"):
        await asyncio.to_thread(folders.put_aside, job.attempt, left, job.shop.scratch)
    date = await trees.checkout(job.text("repository"), job.text("commit"), job.shop.private, source)
    limits = BuildLimits(seconds=settings.build_minutes * 60, memory=settings.build_memory_mb * 2**20)
    made = await building.build(
        source, settings.build, settings.bundle, limits, job.folder / "build.log", _unseen, source_date=date
    )
    await asyncio.to_thread(_keep, made, job.bundle)
    await asyncio.to_thread(building.discard, source)


def _unseen(_done: int, _of: int) -> None:
    """How long something may still take tells nobody how far it is."""


async def _given(job: Job) -> None:
    folder, limit = job.shop.config.release.bundles, BundleLimits().packed
    hosts = job.shop.limits.plain_http
    await take.take(job.text("place"), job.text("sha256"), folder, job.bundle, limit, job.progress, plain_http=hosts)


async def _verify(job: Job) -> StepWent:
    """See that the bundle is a plugin that a server would take, and the one that was reviewed."""
    found = await _in_thread(lambda stop: inspect(job.bundle, stop=stop))
    if job.text("plugin_id") and found.id.lower() != job.text("plugin_id").lower():
        raise _No(words.other_id(found.id, job.text("plugin_id")))
    if f"v{found.version}" != job.text("tag"):
        raise _No(words.other_version(found.version, job.text("tag")))
    return StepWent(
        step="verify", plugin_id=found.id, version=found.version,
        sha256=found.sha256, declared=tuple(sorted(found.executables)), warnings=found.warnings[:10],
    )  # fmt: skip


async def _split(job: Job) -> StepWent:
    """Make one bundle for each platform."""
    job.out.mkdir(exist_ok=True, mode=0o700)
    loop = asyncio.get_running_loop()

    def progress(done: int, of: int) -> None:  # from the thread
        loop.call_soon_threadsafe(job.progress, done, of)

    def work(stop: Callable[[], bool]) -> tuple[Artifact, ...]:
        found = inspect(job.bundle, stop=stop)
        if found.sha256 != job.text("bundle"):
            raise BadBundle("The bundle is another one than was verified.")
        return split(job.bundle, found, job.out, job.text("name"), job.shop.config.release.macos, progress, stop)

    return StepWent(step="split", artifacts=await _in_thread(work))


# sign, upload


def _files(job: Job) -> Sequence[Path]:
    return [job.out / x.name for x in job.artifacts]


async def _require_unchanged(job: Job) -> None:
    """What is signed, and what was, is what was split: nothing else has a way into the folder, but a build runs as the same user."""
    for artifact in job.artifacts:
        sha256 = await asyncio.to_thread(_sum_of, job.out / artifact.name)
        if sha256 != artifact.sha256:
            raise _No(words.changed(artifact.name))


async def _sign(job: Job) -> StepWent:
    await _require_unchanged(job)
    await signing.sign(_files(job), job.shop.key, job.progress, job.shop.scratch)
    return StepWent(step="sign")


async def _verify_signatures(job: Job) -> StepWent:
    key = job.shop.key
    await signing.verify(_files(job), key.public_key, key.fingerprint, job.shop.scratch)
    await _require_unchanged(job)
    return StepWent(step="verify-signatures")


async def _upload(job: Job) -> StepWent:
    """Upload every bundle with its signature; the signatures to the release, too, where it came from one."""
    storage, made, signed = job.shop.storage, job.artifacts, []
    for done, artifact in enumerate(made):
        job.progress(done, len(made))
        for name, path, (sha256, _) in await _both(job, artifact):
            await storage.put(name, path, sha256, replace=job.forced, progress=_unseen)
        signed.append(artifact.model_copy(update={"signed": sha256}))
    hub = job.shop.hub
    if hub and job.text("source") == "github":
        for artifact in made:
            await releases.upload_asset(
                hub, job.path, job.text("tag"), job.out / artifact.signature, replace=job.forced
            )
        if job.given["pre_release"]:
            await releases.mark_prerelease(hub, job.path, job.text("tag"))
    return StepWent(step="upload", artifacts=tuple(signed))


async def _verify_uploads(job: Job) -> StepWent:
    storage, made = job.shop.storage, job.artifacts
    for done, artifact in enumerate(made):
        job.progress(done, len(made))
        for name, _, (sha256, size) in await _both(job, artifact):
            await storage.check(name, sha256, size)
    return StepWent(step="verify-uploads")


async def _both(job: Job, artifact: Artifact) -> list[tuple[str, Path, tuple[str, int]]]:
    """A bundle and its signature: name, file, and sum with size. The signature comes last: what has one is there whole."""
    signature = job.out / artifact.signature
    sums = await asyncio.to_thread(_sum, signature)
    return [
        (artifact.name, job.out / artifact.name, (artifact.sha256, artifact.size)),
        (artifact.signature, signature, sums),
    ]


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sum(path: Path) -> tuple[str, int]:
    data = path.read_bytes()
    return hashlib.sha256(data).hexdigest(), len(data)


def _keep(made: Path, place: Path) -> None:
    with made.open("rb") as file:
        os.fsync(file.fileno())
    made.replace(place)


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


async def _in_thread(work: Callable[[Callable[[], bool]], T]) -> T:
    """Run something long in a thread; when the caller is cancelled it is told to stop, and waited for."""
    stop = threading.Event()
    running = asyncio.create_task(asyncio.to_thread(work, stop.is_set))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.gather(running, return_exceptions=True)
        raise
