"""The requests with which something is handed in, and put right afterwards."""

from typing import Annotated

from pydantic import Field, StringConstraints

from mmbot.domain.facts import Claim
from mmbot.events.command import Command
from mmbot.events.slots import (
    Contribution,
    CorrectionName,
    Line,
    Slot,
    SubmitterOption,
    Text,
    TicketNumber,
    TrackName,
    TrackWord,
)


class Submit(Command):
    """The link may name a repository, branch, tag, pull request or commit. A filled-in form of the issue tracker will do, too.

    An owner hands in for somebody with `--for @USER`, or `--for "Jane Doe"` where they have no account here.
    """

    words = {"submit": {}}
    summaries = {"submit": "hand in a plugin for review"}
    examples = {"submit": "submit https://github.com/example/mattermost-plugin-remind v1.0.0"}

    link: Annotated[
        str,
        Slot(
            "line",
            "LINK",
            "What to review",
            "As in https://github.com/owner/plugin v1.0.0; a branch, pull request or commit will do.",
        ),
        StringConstraints(strip_whitespace=True, max_length=500),
    ]
    title: str = ""
    summary: Annotated[
        str, Slot("dialog", "SUMMARY", "Summary", "What the plugin does, or what is new."), Field(max_length=3000)
    ] = ""
    contact: Annotated[
        str,
        Slot("dialog-line", "CONTACT", "Security contact", "Whom to tell in private of a vulnerability."),
        Field(max_length=150),
    ] = ""
    track: TrackName = ""
    submitter: SubmitterOption = ""
    claims: tuple[Claim, ...] = ()
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    struck_out: tuple[str, ...] = ()
    other_references: tuple[str, ...] = ()


class Contribute(Command):
    """For the web Marketplace: an app, plugin, webhook configuration, playbook template or tool. A form asks for the rest."""

    words = {"contribute": {}}
    summaries = {"contribute": "hand in something for the web Marketplace"}
    examples = {"contribute": "contribute tool https://github.com/example/importer"}

    kind: Contribution
    name: Annotated[
        str, Slot("dialog-line", "NAME", "Name"), StringConstraints(strip_whitespace=True, min_length=1, max_length=60)
    ]
    link: Annotated[
        str, Slot("line", "LINK", "Link to try it"), StringConstraints(strip_whitespace=True, max_length=300)
    ]
    documentation: Annotated[
        str,
        Slot("dialog-line", "LINK", "Documentation", "A link; screenshots in it help."),
        StringConstraints(strip_whitespace=True, max_length=150),
    ]
    tracker: Annotated[
        str,
        Slot("dialog-line", "LINK", "Issue tracker", "A public place where users report problems."),
        StringConstraints(strip_whitespace=True, max_length=150),
    ]
    summary: Annotated[str, Slot("dialog", "SUMMARY", "Summary", "What it does, and for whom."), Field(max_length=3000)]
    contact: Annotated[
        str,
        Slot("dialog-line", "CONTACT", "Contact", "How we reach you, and whom to tell of a vulnerability."),
        Field(max_length=150),
    ] = ""
    social: Annotated[
        str,
        Slot("dialog-line", "NAMES", "Social media", "Names to mention when it is posted about."),
        Field(max_length=150),
    ] = ""


class Resubmit(Command):
    """What was rejected or withdrawn comes again, as a new ticket that is linked with the old one.

    A plugin or app of the web Marketplace comes to the in-product one so: name its repository.
    """

    words = {"resubmit": {}}
    summaries = {
        "resubmit": "hand in again what was closed, or an app or plugin of the web Marketplace for the in-product one"
    }
    examples = {"resubmit": "resubmit MB-7 v1.1.0"}
    who = "owner-or-submitter"

    ticket: TicketNumber
    link: Line = ""


class ChooseTrack(Command):
    """The catalogue tells new plugins and updates apart; this counts more. `web` takes a kind: app, plugin, webhook, playbook or tool.

    Beta is for the reviewers and the owner to decide, also of a ticket that was rejected. What was judged and is asked for there, too,
    stays judged.
    """

    words = {"beta": {"track": "beta", "kind": ""}, "track": {}}
    summaries = {"beta": "take a plugin as Beta: say why", "track": "put a ticket on another track: say why"}
    examples = {
        "beta": "beta MB-7 useful as it is, but it does not scale yet",
        "track": "track MB-7 web tool it runs on its own",
    }
    who = "owner-or-reviewer"
    whos = {"track": "owner"}

    ticket: TicketNumber
    track: TrackWord
    kind: Contribution = ""
    why: Text


class EditTicket(Command):
    """What can be put right: title, repository, fork, id, submitter, maintainers, contact, social.

    People are written as @USER, or in quotes where they have no account here: the owner then speaks for them.
    """

    words = {"edit": {}}
    summaries = {"edit": "put right what is known of a ticket: its title, people, repositories, id or contact"}
    examples = {"edit": "edit MB-7 maintainers @sue @otto"}
    who = "owner-or-submitter"

    ticket: TicketNumber
    what: CorrectionName
    value: Annotated[
        str, Slot("text", "VALUE", "New value"), StringConstraints(strip_whitespace=True, min_length=1, max_length=300)
    ]
