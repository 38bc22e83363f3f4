"""The words about an entry of the Marketplace's database: what stands against it and the way forward, and what a change is."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mmbot.domain.case_facts import Removal
from mmbot.domain.entry import BETA_FROM
from mmbot.domain.listing import Entry
from mmbot.domain.listing_checks import Problem
from mmbot.domain.listing_difference import Change
from mmbot.words.phrases import code, plural

_MANY = 12
"""How many changes of entries, or of one entry's fields, are named one by one."""


def problem(no: Problem) -> str:  # noqa: C901, PLR0911, PLR0912 -- one sentence per reason
    """What stands against an entry, and the way forward; for a terminal and for a post."""
    about = {key: code(value, 120) for key, value in no.fields.items()}
    match no.code:
        case "commit":
            approved = ", ".join(code(x[:7]) for x in no.fields["approved"].split(", ")[:3])
            return (
                f"The tag {about['tag']} stands on {code(no.fields['commit'][:7] or 'no commit')}, but approved was {approved}. "
                "Cut the approved commit, or have this one reviewed."
            )
        case "tag":
            return f"The tag {about['tag']} is no version with a v before it, such as v1.2.3. Cut under such a tag."
        case "version":
            inside = f"says version {about['version']}" if no.fields["version"] else "has no version"
            return f"The tag is {about['tag']}, but the manifest in the bundle {inside}. Set the version and cut anew."
        case "entry":
            return (
                f"The entry {about['id']} {about['version']} does not say what the manifest in the bundle says. "
                "Make it anew from the bundle."
            )
        case "address":
            return (
                f"The entry points to {about['address']}, but {about['name']} with its signature is what should be there. "
                "Upload both under that name, or make the entry anew."
            )
        case "platform-missing":
            return (
                f"The manifest has a program for {about['platform']}, but no signed bundle for it is uploaded. "
                f"Upload {about['name']} and its .sig."
            )
        case "platform-unlisted":
            return (
                f"The bundle for {about['platform']} is uploaded, but the entry does not name it: people there would get the wrong one. "
                "Make the entry anew."
            )
        case "platform-undeclared":
            return (
                f"The entry names a bundle for {about['platform']}, for which the manifest has no program. "
                f"Take {about['name']} out of the store, or add the program and cut anew."
            )
        case "platform-left-out":
            return (
                f"For {about['platform']} the manifest has a program, but no bundle of its own is uploaded. "
                "The listing has no place for one, so people there get the bundle for all platforms."
            )
        case "listed":
            return (
                f"{about['id']} {about['version']} is listed already. A listed version stays as it is: raise the version and cut anew, "
                "or take the listed one out first."
            )
        case "collision":
            return (
                f"The id {about['id']} is listed from another repository, {about['other']}. "
                f"A plugin from {about['repository']} needs an id of its own."
            )
        case "twin":
            return f"{about['id']} differs from the listed {about['other']} only by capitals. Use the listed one's spelling."
        case "changed-id":
            return (
                f"{about['repository']} is listed as {about['other']}; with the id {about['id']} it would be another plugin, and nobody "
                "would be offered the update. Keep the id."
            )
        case "tombstone":
            what = f"{about['id']} {about['version']}" if no.fields["version"] else about["id"]
            return f"{what} was taken down, and that case is open. It can be listed again once the case is closed as fixed."
        case "id":
            return (
                f"{about['id']} is no id that a server takes: 3 to 190 letters, digits, dots, dashes and underscores. "
                "Mend it and cut anew."
            )
        case "server":
            return (
                f"The manifest asks for server {about['server']}, which is no version of three numbers: "
                "the Marketplace would fail for everybody. Mend min_server_version and cut anew."
            )
        case "icon-lost":
            return (
                f"The manifest names the icon {about['path']}, and the bundle has no SVG picture of at most 256 KiB there: "
                "the Marketplace shows no other. Mend that or take the line out, and cut anew."
            )
        case "lower":
            return (
                f"{about['version']} is lower than {about['highest']}, which is listed. "
                "Is it a late release of an older line? Then go on."
            )
        case "wider":
            limits = [{"cloud": "in the cloud", "on-prem": "on premises"}.get(no.fields["hosting"], "")]
            limits.append(f"on servers from {about['server']} on" if no.fields["server"] else "")
            whom = "others" if no.fields["hosting"] and no.fields["now"] else "more"
            only = " and ".join(x for x in limits if x)
            shown = f"The listed {about['version']} is shown only {only}; this one would be shown to {whom}."
            return f"{shown} Was that restricted for a reason?"
        case "notes":
            return (
                f"The release notes {about['address']} are those of {about['named']}, and the tag is {about['tag']}. "
                "Go on only if they tell of this version, too."
            )
        case "naming":
            return (
                f"The id {about['id']} is not named after a domain, such as com.example.remind. Ids never change later."
            )
        case "capitals":
            return f"The id {about['id']} has capitals, which some servers lower."
        case "icon":
            return f"{about['id']} has no icon: the Marketplace shows a general one."
        case "icon-kind":
            return f"The icon {about['path']} does not look like SVG, which alone the Marketplace shows."
        case "beta":
            asked = f"asks for server {about['server']}" if no.fields["server"] else "asks for no server"
            return f"The bundle {asked}; as Beta the entry asks for {BETA_FROM}, for older servers must not show Beta plugins."


def against(found: Sequence[Problem], answered: Collection[str]) -> dict[str, tuple[str, ...]]:
    """What stands against an entry: `blocks`, `asks` without what was `answered`, and `warns`, as sentences."""
    said = {kind: tuple(problem(x) for x in found if x.kind == kind) for kind in ("block", "ask", "warn")}
    asks = tuple(x for x in said["ask"] if x not in answered)
    return {"blocks": said["block"], "asks": asks, "warns": said["warn"]}


def by_hand(found: Sequence[Entry | None]) -> str:
    """That a file was changed by hand, and where; "" where it was not."""
    if not found:
        return ""
    named = [f"{code(x.plugin_id)} {code(x.version, 40)}" for x in found if x][:3]
    where = f" ({', '.join(named)}{' …' if len(found) > len(named) else ''})" if named else ""
    return (
        f"This file was changed by hand{where}: the Marketplace's own generator would write it otherwise. "
        "What is not changed now stays as it is."
    )


def summary(changes: Sequence[Change]) -> str:
    """What a change of the database is, one line for each release; for a terminal and for a post. The patch itself goes into a file."""
    lines = [_line(x) for x in changes[:_MANY]]
    if len(changes) > _MANY:
        lines.append(f"… and {len(changes) - _MANY} more")
    return "\n".join(f"- {x}" for x in lines) or "Nothing changes."


def lines(changes: Sequence[Change]) -> tuple[str, ...]:
    """The same, each line by itself."""
    return tuple(x.removeprefix("- ") for x in summary(changes).splitlines())


def proposed(plugin_id: str, version: str, name: str, commit: str) -> tuple[str, str]:
    """Title and words of a pull request with an entry; `name` is what its bundles' names begin with."""
    return f"Add {plugin_id} {version}", f"{name}, cut from {commit}: made from the bundles that are uploaded."


def proposed_removal(plugin_id: str, removal: Removal, version: str) -> tuple[str, str]:
    """Title and words of a pull request after a takedown: what it does, and nothing of why."""
    match removal:
        case "plugin":
            return f"Remove {plugin_id}", f"{plugin_id} is taken down, with all its versions."
        case "version":
            return f"Remove {plugin_id} {version}", f"{plugin_id} {version} is taken down."
        case "restriction":
            to = "servers on premises" if version == "on-prem" else f"servers from {version} on"
            return f"Restrict {plugin_id} to {to}", f"{plugin_id} is shown to {to} alone."


def _line(change: Change) -> str:
    entry = change.entry
    what = f"{change.kind}: {code(entry.plugin_id)} {code(entry.version, 40)}"
    if change.kind == "changed":
        return f"{what}: {_fields(change) or 'its layout'}"
    name = str(entry.manifest.get("name") or "")
    what += f", {code(name, 80)}" if name else ""
    return f"{what}, {_marks(entry)}" if change.kind == "added" else what


def _fields(change: Change) -> str:
    """What changed in an entry. Signatures tell people nothing, and when it was changed they see."""
    replaced = [x for x in change.fields if x[0].endswith("signature") and x[1] and x[2]]
    rest = [x for x in change.fields if x not in replaced and (x[0] != "updated_at" or len(change.fields) == 1)]
    said = [f"{code(key)} {_shown(old)} → {_shown(new)}" for key, old, new in rest[:_MANY]]
    if replaced:
        said.append(f"{plural(len(replaced), 'signature')} replaced")
    return "; ".join([*said, *(["…"] if len(rest) > _MANY else [])])


def _marks(entry: Entry) -> str:
    fields = entry.fields
    author = {"mattermost": "maintained by Mattermost", "partner": "by a partner", "community": "by the community"}
    hosting = {"cloud": "cloud only", "on-prem": "on-premises only"}
    marks = [author.get(str(fields.get("author_type")), ""), str(fields.get("release_stage") or "")]
    marks += [hosting.get(str(fields.get("hosting")), ""), "enterprise" if fields.get("enterprise") else ""]
    marks.append(f"from server {code(entry.min_server_version, 20)}" if entry.min_server_version else "")
    marks.append(f"bundles for {_platforms(entry.platforms)}")
    return ", ".join(x for x in marks if x)


def _platforms(platforms: Mapping[str, Mapping[str, Any]]) -> str:
    return ", ".join(["all platforms in one", *(code(name, 40) for name, bundle in platforms.items() if bundle)])


def _shown(value: object) -> str:
    if value in ("", None):
        return "nothing"
    text = value if isinstance(value, str) else repr(value)
    return code(text, 60)
