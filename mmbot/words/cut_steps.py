"""Why a step of a cut can't be done, as sentences. The steps know neither tickets nor cuts: THIS stands for what is cut."""

from mmbot.words.phrases import code, commit, link, plain, typed

THIS = "\ue001"
"""Stands for the ticket, or the repository and tag, in a command, until `words.cuts.of_this` puts it in."""


def no_such_commit(repository: str, sha: str) -> str:
    """The commit is not in the repository that is cut."""
    name = code(repository.rsplit("/", 1)[-1], 80)
    if not sha:
        return f"{name} has no commit on its default branch, so there is nothing to cut. Is it empty?"
    return (
        f"{name} has no commit {code(sha[:12])} on its branches. Was it merged there? Name the merge commit: "
        f"{typed(f'cutplugin {THIS} --commitSHA SHA')}."
    )


def other_code(repository: str, sha: str, approved: str) -> str:
    """The commit to be cut is not what was approved."""
    return (
        f"{commit(repository, sha)} holds other code than the approved {commit(repository, approved)}, so it must not be cut. Merge "
        f"exactly what was approved; or have this reviewed: {typed(f'commit {THIS} LINK')}."
    )


def tag_there(tag: str, sha: str) -> str:
    """The tag exists, and nobody said that it may be moved."""
    return (
        f"The tag {code(tag, 60)} exists already, at {code(sha[:7])}. If that is meant, say why: "
        f"{typed(f'cutplugin {THIS} --force WHY')}."
    )


def tag_missing(tag: str, sha: str) -> str:
    """There is no tag, and no token to make one with."""
    return (
        f"There is no tag {code(tag, 60)} yet, and I have no token to make it with. Please make it at {code(sha[:12])}; then "
        f"{typed('cut retry')}."
    )


def tag_elsewhere(tag: str, at: str, sha: str) -> str:
    """The tag stands at another commit, and can't be moved."""
    return f"The tag {code(tag, 60)} stands at {code(at[:7])}, not at {code(sha[:7])}. Please move it; then {typed('cut retry')}."


def tag_moved(tag: str, at: str, sha: str) -> str:
    """Somebody moved the tag while it was cut."""
    where = f"stands at {code(at[:7])} now" if at else "is gone"
    again = typed(f"cutplugin {THIS} --force WHY")
    return f"The tag {code(tag, 60)} {where}, not at {code(sha[:7])} any more: somebody moved it meanwhile. Find out why; then {again}."


def changed(name: str) -> str:
    """A file on this machine is not what was made any more."""
    return (
        f"{code(name, 160)} is not what I made any more: somebody changed it on my machine. "
        "Its signature must not be used, and an operator has to find out how."
    )


def nothing_built(tag: str, asset: str, minutes: int) -> str:
    """The release's bundle did not come; `asset` is what it should be called, "" for any name."""
    what = code(asset, 200) if asset else "bundle"
    other = " Or is the file called otherwise? Then cut it with that name." if asset else ""
    again = typed("cut retry")
    none = f"The release of {code(tag, 60)} has no {what} after {minutes} minutes."
    return f"{none} Has its CI failed? When it has built one: {again}.{other}"


def unreachable(what: str, minutes: int) -> str:
    """Something remote could not be reached for long."""
    return f"{plain(what, 200)} It has been so for {minutes} minutes."


def other_id(found: str, approved: str) -> str:
    """The bundle is another plugin."""
    return f"The manifest in the bundle says {code(found, 100)}; what was reviewed is {code(approved, 100)}."


def other_version(found: str, tag: str) -> str:
    """The bundle is another version than the tag."""
    return (
        f"The manifest in the bundle says version {code(found or 'none', 60)}, the tag {code(tag, 60)}: they must be equal. If something "
        "else was built, have it built anew; else have the version corrected there, and that reviewed."
    )


def no_token() -> str:
    """Releases are asked for, and GitHub is not configured."""
    return "I can't ask GitHub: `github.api` is not configured. An operator looks into it."


def no_database(why: str) -> str:
    """The listing's file can't be read as what it should be."""
    return f"The listing's file is not the Marketplace's database: {plain(why, 200)}."


def not_taken(url: str, many: int) -> str:
    """People closed every pull request with this change."""
    last = link("the last one", url)
    return f"People closed or merged {many} pull requests with this change, {last}, and the listing does not have it. Ask them why."


def no_room(place: str) -> str:
    """The disk is full, or a limit on files reached."""
    return f"There is no room left where I cut, in {code(place, 200)}. An operator makes some."


def files_gone() -> str:
    """What was made so far is not on this machine any more."""
    return "What was built is not there any more: it was long ago, or on another machine. The bundle is obtained anew the next time."
