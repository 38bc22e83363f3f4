"""What people can choose from, by the word they type for it."""

from mmbot.words.phrases import code, listed, typed

TRACKS = {"new": "new plugin", "update": "update of a listed plugin", "app": "App"}
"""What can be asked for when a repository is handed in."""
CONTRIBUTIONS = {
    "app": "App", "plugin": "plugin", "webhook": "webhook configuration", "playbook": "playbook template", "tool": "utility tool",
}  # fmt: skip
"""The kinds of things on the web Marketplace."""
CORRECTIONS = {
    "title": "title", "repository": "repository", "fork": "fork", "id": "id", "submitter": "submitter", "maintainers": "maintainers",
    "contact": "security contact", "social": "names on social media",
}  # fmt: skip
"""What can be put right on a ticket."""
SNOOZES = {"1": "until tomorrow", "3": "for 3 days", "7": "for a week"}
"""For how long reminders can leave a ticket out."""


def no_address(text: str) -> str:
    """What should be a link is none."""
    return f"{code(text, 80)} is not a link that everybody can open: it should begin with `https://`."


def no_such_correction(text: str) -> str:
    """Something is to be put right that there is not."""
    return f"A ticket has no {code(text, 40)} that could be put right, but {listed(f'`{x}`' for x in CORRECTIONS)}."


def no_such_track(text: str) -> str:
    """Something is handed in for a track that cannot be asked for."""
    if text.lower() == "beta":
        return f"Beta is for the reviewers to decide, with {typed('beta MB-7 WHY')}; hand it in as a new plugin."
    if text.lower() == "web":
        return f"For the web Marketplace: {typed('contribute KIND LINK')}."
    return f"The track is {listed((f'`{x}`' for x in TRACKS), 'or')}, not {code(text, 40)}."


def remind_whom(text: str) -> str:
    """It is not clear who shall be reminded."""
    return f"Whom shall I remind: yourself (`me`), or somebody, as {code(f'@{text}', 40)}?"


SEVERITIES = {"low": "low", "medium": "medium", "high": "high", "critical": "critical"}
"""How bad a vulnerability is."""
FILED_AS = {**SEVERITIES, "bug": "bug that keeps many from using it"}
"""What a case can be filed as."""
REMOVALS = {"plugin": "the plugin", "version": "one version", "restriction": "some of its use: a restriction"}
"""What a takedown takes away."""
