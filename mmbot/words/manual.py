"""What help says: what somebody can do here, and how one command is used."""

from collections.abc import Sequence

from mmbot.words.phrases import code, typed

HELD_BY = {
    "anyone": "everybody", "staff": "owners and reviewers", "owner": "owners", "owner-or-submitter": "its owner and its submitter",
    "owner-or-reviewer": "its owner and its reviewers", "concerned": "owners, reviewers and its submitter", "role": "reviewers of the role",
    "release": "release users",
    "admin": "admins", "team": "the security team", "team-or-staff": "the security team; a bug: owners and reviewers, too",
    "team-or-owner": "its owner and the security team", "team-or-release": "the security team and release users",
    "maintainer": "its maintainers", "case-people": "its maintainers, its owner and the security team",
}  # fmt: skip


def help_all(lines: Sequence[tuple[str, str]]) -> str:
    """What the asker may do: pairs of usage and summary."""
    shown = "\n".join(f"- `{usage}` — {summary}" for usage, summary in lines)
    form = f"a form asks for what is missing: {typed('submit')} alone will do"
    begin = f"What you can do here; {typed('help WORD')} says more of one, and {form}:"
    return (
        f"{begin}\n{shown}\nWhat waits for you: {typed('queue')}. Reviews are done with the buttons in a ticket's thread.\n"
        "In a ticket's thread its number can be left out where you mention me; of a slash command few servers say in which thread it is."
    )


def help_for(usage: str, summary: str, more: str, example: str, who: str) -> str:
    """How one command is used."""
    shown = "" if typed(example) == f"`{usage}`" else f"For example {typed(example)}. "
    return f"`{usage}` — {summary}.\n{more}\n{shown}Who may: {HELD_BY[who]}."


def no_such_command(word: str) -> str:
    """Help was asked for something that is no command."""
    return f"There is no command {code(word, 40)}. {typed('help')} lists them."
