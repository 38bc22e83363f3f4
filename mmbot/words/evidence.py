"""What stands beside an item: what the submitter claims of it, and what was found in the repository."""

import re
from collections.abc import Mapping

from mmbot.domain import facts as f
from mmbot.domain.ticket import Ticket
from mmbot.words.phrases import code, link, plain


def claimed(ticket: Ticket, handle: str) -> str:
    """What the submitter said of an item, as their claim."""
    found = next((x for x in ticket.submitted.claims if x.handle == handle), None) if ticket.submitted else None
    if found is None:
        missing = ticket.submitted and handle in ticket.submitted.missing
        return "the submitter's list lacks it" if missing else ""
    said = {"yes": "the submitter says yes", "no": "the submitter left it open"}.get(found.said)
    words = said or f"the submitter wrote {code(f'[{found.raw}]', 40)}, neither yes nor no"
    return f"{words} — {plain(found.remark, 200)}" if found.remark else words


def evidence(ticket: Ticket, handle: str) -> str:  # noqa: C901, PLR0911, PLR0912 -- one line per item
    """What was found at the commit that bears on an item."""
    found = ticket.resolved
    if found is None:
        return ""
    files = found.evidence
    if ticket.track in {"app", "web"} and handle != "S2":
        return _given(ticket, handle)
    match handle:
        case "P1":
            return _file("license", files, "no licence file in the top folder")
        case "P3":
            return _field("support_url", found.support_url, found)
        case "P4":
            return _field("homepage_url", found.homepage_url, found)
        case "P5" | "U3":
            other = notes_of(ticket)
            return _field("release_notes_url", found.release_notes_url, found) + (
                f", **which is about {code(other, 30)}**" if other else ""
            )
        case "P6":
            return f"version {code(ticket.version)}{_below_one(ticket)}" if ticket.version else "no version given"
        case "P8" if found.collides_with:
            return f"**the id {code(found.collides_with)} is listed from another repository**"
        case "P8":
            return f"id {code(found.plugin_id)} is not listed from elsewhere" if found.plugin_id else "no id given"
        case "S2":
            return _file("security", files, "no SECURITY file in the top folder") + _contact(ticket)
        case "F1":
            return _field("min_server_version", found.min_server_version, found)
        case "U1" if found.base_version:
            return f"{code(found.base_version)} → {code(ticket.version or '?')}"
        case "U2" if found.changed_from:
            return f"**listed as {code(found.changed_from)}, now {code(found.plugin_id)}**"
        case "U2":
            return f"still {code(found.plugin_id)}" if found.plugin_id and found.base_version else ""
        case _:
            return ""


def _file(kind: str, files: Mapping[str, str], none: str) -> str:
    return f"found {code(files[kind])}" if kind in files else none


def _contact(ticket: Ticket) -> str:
    return f"; contact given: {code(ticket.contact)}" if ticket.contact else ""


def _given(ticket: Ticket, handle: str) -> str:
    address = ticket.submitted.links.get(handle, "") if ticket.submitted else ""
    return link(code(address, 200), address) if address else ""


def _field(name: str, value: str, found: f.Resolved) -> str:
    if value and name not in found.unfilled:
        return f"`{name}` {code(value)}"
    if name in found.unfilled:
        return f"`{name}` is left for the build to fill"
    return f"`{name}` is not set"


def notes_of(ticket: Ticket) -> str:
    """The version that the release notes' address names, where it is another one than that under review."""
    address = ticket.resolved.release_notes_url if ticket.resolved else ""
    named_there = re.findall(r"(?<![\d.])v?(\d+\.\d+\.\d+(?:-[a-z0-9.]+)?)(?![\d.])", address, re.IGNORECASE)
    if not named_there or not ticket.version or ticket.version.removeprefix("v") in named_there:
        return ""
    return str(named_there[-1])


def _below_one(ticket: Ticket) -> str:
    return ", **below 1.0.0**" if ticket.version.startswith("0.") else ""
