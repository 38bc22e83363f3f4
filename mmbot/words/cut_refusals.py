"""What keeps something from being cut, and who can settle it: refusals of cuts, and of what people do with one."""

from collections.abc import Callable, Sequence

from mmbot.domain import cut_facts as c
from mmbot.domain.cut import Cut, Missing
from mmbot.domain.ticket import Ticket
from mmbot.words.cards import Who, at, called, resting, title_of
from mmbot.words.cuts import DOING, label
from mmbot.words.phrases import code, commit, day, listed, plural, typed
from mmbot.words.refusals import start

KEYS = {
    "release.organisation": "whose repositories are cut", "release.obtain": "where bundles come from",
    "signing": "the key that signs", "storage": "where it is uploaded to", "listing": "how the listing is changed",
}  # fmt: skip


def only_release(names: Sequence[str]) -> str:
    """The asker is no release user."""
    ask = f" Ask {listed(names[:5], 'or')}." if names else ""
    return f"Only release users cut and list plugins.{ask}"


def not_configured(keys: Sequence[str]) -> str:
    """The operator has not said what is needed."""
    lacks = listed(f"{code(x)} ({KEYS[x]})" for x in keys)
    return f"Nothing can be cut here yet: the configuration lacks {lacks}. An operator adds it; `config.example.toml` explains each."


def which_repository() -> str:
    """No repository was named."""
    return (
        f"Which one? {typed('cutplugin --repo REPOSITORY --tag v1.0.0')}, or {typed('cutplugin MB-7')} for a ticket's."
    )


def not_ours(text: str, organisation: str) -> str:
    """A repository of somebody else."""
    return (
        f"{code(text, 80)} is no repository of {code(organisation)}, and only its repositories are cut. "
        f"Name the fork there: {typed('cutplugin --repo REPOSITORY --tag v1.0.0')}."
    )


def fork_elsewhere(ticket: Ticket, organisation: str, owner: str) -> str:
    """A ticket's code is not in the organisation, as far as is known; whoever is named can say where it is."""
    fork = (
        f"the fork of {ticket.handle} is recorded as {code(ticket.fork, 80)}"
        if ticket.fork
        else f"{ticket.handle} has no fork there"
    )
    who = f"{owner} records" if owner else "Record"
    way = typed(f"edit {ticket.handle} fork LINK")
    return f"I cut only repositories of {code(organisation)}, and {fork}. {who} where it is: {way}."


def another_repository(ticket: Ticket, name: str) -> str:
    """The repository is not that of the ticket."""
    way = typed(f"edit {ticket.handle} fork LINK")
    return f"{called(ticket)} is not about {code(name)}. If it is its fork, record that first: {way}."


def no_ticket(name: str) -> str:
    """Nobody reviewed it."""
    return (
        f"No ticket is about {code(name, 80)}, so nobody has approved anything of it. Is it the fork of a ticket, then record that with "
        f"the ticket's number, as in {typed('edit MB-7 fork LINK')}, and ask again."
    )


def bad_tag(tag: str, why: str) -> str:
    """A tag that is none of a release."""
    if not tag:
        return f"Which tag? {typed('cutplugin --repo REPOSITORY --tag v1.0.0')}."
    if why == "no-v":
        return f"The tag {code(tag, 60)} must begin with `v`: {code(f'v{tag}', 60)}?"
    if why == "platform":
        shown = code(tag, 60)
        return f"The tag {shown} ends like the name of a platform: its files would be taken for those of another tag. Choose another."
    return f"The tag {code(tag, 60)} must be `v` and a semantic version, such as `v1.0.0`."


def other_version(ticket: Ticket, tag: str) -> str:
    """The tag says another version than the manifest."""
    moved = typed(f"commit {ticket.handle} LINK")
    return (
        f"The tag {code(tag, 60)} is not the version in the manifest at {at(ticket)}, {code(ticket.version, 60)}: they must be equal. "
        f"Cut it as {code('v' + ticket.version.removeprefix('v'), 60)}; or have the version corrected, and the review moved: {moved}."
    )


def sum_missing(asked: c.CutAsked) -> str:
    """A bundle was named without its sum."""
    return f"A bundle that was built elsewhere needs its SHA-256: {typed(f'{_line_of(asked)} --bundle PLACE --sha256 SUM')}."


def sum_of_nothing(asked: c.CutAsked) -> str:
    """A sum was named without a bundle."""
    return f"A SHA-256 is that of a bundle: {typed(f'{_line_of(asked)} --bundle PLACE --sha256 SUM')}."


def commit_missing(asked: c.CutAsked) -> str:
    """A bundle of a plugin without a ticket, and nobody says what it was built from."""
    line = f"{_line_of(asked)} --bundle PLACE --sha256 SUM --commitSHA SHA"
    return f"Which commit was that bundle built from? A second person has to agree to it: {typed(line)}."


def why_of_nothing(asked: c.CutAsked) -> str:
    """A reason, and nothing that needs one."""
    return f"What is the reason for? To replace what was cut before: {typed(f'{_line_of(asked)} --force WHY')}; else leave it out."


def no_release(source: str) -> str:
    """Something was said of the release, and the bundle does not come from there."""
    ways = {"build": "it is built here", "bundle": "you name it yourself"}
    where = ways.get(source, "it does not come from there")
    return f"{code('--asset-name')} and {code('--pre-release')} are about a release with the bundle, but {where}. Leave them out."


def why_missing(asked: c.CutAsked) -> str:
    """Force without a reason."""
    return f"Please say why it is forced, last in the line: {typed(f'{_line_of(asked)} --force WHY')}."


def under_way(cut: Cut, who: Who) -> str:
    """The same tag is being cut already."""
    words = {"asked": "waits for a second person already", "waits": "waits for its turn already"}
    what = words.get(cut.state, "is being cut already")
    n = cut.number
    ways = f"{typed(f'cut status {n}')} shows it, {typed(f'cut cancel {n}')} stops it."
    return f"{label(cut)} {what}, for {who(cut.asked.by)} (cut {n}). {ways}"


def listed_already(asked: c.CutAsked) -> str:
    """A version that people may have installed."""
    again = typed(f"{_line_of(asked)} --force WHY")
    return (
        f"{code(asked.tag)} is listed already: people may have installed it. To cut it anew, say why, and a second release user agrees: "
        f"{again}."
    )


def _line_of(asked: c.CutAsked) -> str:
    """The command that asks for it."""
    if asked.ticket:
        return f"cutplugin MB-{asked.ticket}"
    return f"cutplugin --repo {asked.repository.rsplit('/', 1)[-1]} --tag {asked.tag}"


def cut_halfway(cut: Cut) -> str:
    """It was begun before, and did not come to its end."""
    state = "was stopped" if cut.cancelled else f"failed at {DOING[cut.step]}"
    n, anew = cut.number, typed(f"{_line_of(cut.asked)} --force WHY")
    return f"{label(cut)} was begun already, and {state} (cut {n}): {typed(f'cut retry {n}')} goes on there. To begin anew: {anew}."


def cut_already(cut: Cut, who: Who) -> str:
    """It was cut before."""
    again = typed(f"cutplugin --repo {cut.repository} --tag {cut.asked.tag} --force WHY")
    done = cut.done["announce"]
    return f"{label(cut)} was cut by {who(cut.asked.by)} on {day(done.at)} (cut {cut.number}). To replace it, say why: {again}."


def cannot_be_cut(
    ticket: Ticket, lacking: Missing, can: Callable[[str], list[str]], owner: str, verb: str = "cut"
) -> str:
    """What a ticket lacks, and who can settle each with which command."""
    ref, what, ways = ticket.handle, [], []
    if lacking.resting:
        return f"{ref} can't be {verb}. {resting(ticket)}{_way_back(ticket, owner)}"
    if lacking.commit:
        return f"{ref} can't be {verb} yet: nothing to review is known. {typed(f'commit {ref} LINK')} names it."
    if lacking.roles:
        names = listed(f"**{title_of(ticket, x)}**" for x in lacking.roles)
        has = "has" if len(lacking.roles) == 1 else "have"
        what.append(f"{names} {has} not approved {at(ticket)}")
        ways += [f"{title_of(ticket, x)}: {_can(can(x), typed(f'approve {ref} {x}'))}" for x in lacking.roles]
    roles = dict.fromkeys(x.role for x in lacking.findings)
    for role in roles:
        numbers = [x.number for x in lacking.findings if x.role == role]
        is_open = "is open" if len(numbers) == 1 else "are open"
        what.append(f"{plural(len(numbers), 'finding')} of **{title_of(ticket, role)}** {is_open}")
        each = listed((typed(f"unblock {ref} {n}") for n in numbers[:5]), "and")
        ways.append(
            f"{title_of(ticket, role)}'s {'finding' if len(numbers) == 1 else 'findings'}: {_can(can(role), each)}"
        )
    if lacking.merge == "not yet":
        what.append("it is not merged")
        ways.append(f"merge: {_can([owner] if owner else [], typed(f'done {ref} merged LINK'))}")
    elif lacking.merge == "compared":
        what.append("what was merged is still being compared with what was approved")
        ways.append("the thread says in a moment what came of it")
    return f"{ref} can't be {verb} yet: {listed(what)}.\n{'. '.join(start(x) for x in ways)}."


def _way_back(ticket: Ticket, owner: str) -> str:
    again = ticket.ended and ticket.ended.ending in {"rejected", "withdrawn"}
    line = f"{'reopen' if again else 'unhold'} {ticket.handle}"
    return f" {owner or 'An owner'} can take it up again: {typed(line)}." if again or not ticket.ended else ""


def _can(names: Sequence[str], command: str) -> str:
    return f"{listed(names[:5], 'or')} can, with {command}" if names else f"nobody has that role; then {command}"


def nothing_to_cut(ticket: Ticket) -> str:
    """Its track has nothing that is built: an App, or something on the web."""
    way = typed(f"next {ticket.handle}")
    return f"There is nothing to cut of {called(ticket)}: on its track nothing is built. {way} says what comes next."


def other_plugin(ticket: Ticket, cut: Cut) -> str:
    """The id of the ticket is another one than what was cut."""
    found = cut.verified.plugin_id if cut.verified else cut.asked.plugin_id
    right = typed(f"edit {ticket.handle} id ID")
    return f"What was cut is {code(found, 100)}, and {called(ticket)} is {code(ticket.plugin_id, 100)}. If the ticket is wrong: {right}."


def no_release_user(cut: Cut, name: str) -> str:
    """Whoever answers for it may not any more."""
    way = typed(f"cut retry {cut.number}")
    return f"{name}, who had it cut, is no release user any more. Another one can go on with it: {way}."


def too_many(number: int) -> str:
    """Nothing more is taken on."""
    return f"{number} cuts wait already. {typed('cut status')} lists them; {typed('cut cancel N')} stops one."


def asked_by_nobody(cut: Cut, name: str) -> str:
    """Whoever asked for it may not any more."""
    again = typed(f"cutplugin --repo {cut.repository} --tag {cut.asked.tag} --force WHY")
    stop = typed(f"cut cancel {cut.number}")
    return f"{name}, who asked for cut {cut.number}, is no release user any more. Ask for it yourself: {stop}, then {again}."


def no_such_cut(number: int) -> str:
    """A number that no cut has."""
    return f"There is no cut {number}. {typed('cut status')} lists them."


def which_cut(act: str, fitting: Sequence[Cut]) -> str:
    """None fits, or several do."""
    if not fitting:
        words = {"cancel": "Nothing is being cut.", "confirm": "No cut waits for a second person."}
        return f"{words.get(act, 'The last cut has neither failed nor been stopped.')} {typed('cut status')} lists the last ones."
    numbers = listed((code(f"{x.number}") for x in fitting), "or")
    return f"Which one, {numbers}? {typed(f'cut {act} {fitting[0].number}')}."


def over_already(cut: Cut) -> str:
    """There is nothing to stop."""
    words = {"done": "is cut already", "failed": "has failed already", "cancelled": "was stopped already"}
    return f"{label(cut)} {words[cut.state]} (cut {cut.number})."


def nothing_to_retry(cut: Cut) -> str:
    """It is under way, or went well."""
    anew = typed(f"cutplugin --repo {cut.repository} --tag {cut.asked.tag} --force WHY")
    went = f"went well. To cut it anew: {anew}" if cut.state == "done" else "is not over yet"
    return f"Cut {cut.number} {went}."


def newer_cut(cut: Cut, newer: int) -> str:
    """The same tag was cut again since."""
    return f"{label(cut)} was begun again since, as cut {newer}: {typed(f'cut status {newer}')}."


def nothing_to_agree(cut: Cut) -> str:
    """It waits for nobody."""
    return f"Cut {cut.number} waits for nobody's agreement."


def agrees_to_own(cut: Cut, others: Sequence[str]) -> str:
    """The second person must be another one."""
    way = typed(f"cut confirm {cut.number}")
    ask = (
        f"{listed(others[:5], 'or')} can agree, with {way}"
        if others
        else f"an admin has to name another release user, for {way}"
    )
    return f"You asked for cut {cut.number} yourself, and a second person has to agree: {ask}."


def own_plugin(ticket: Ticket) -> str:
    """Nobody agrees to what is their own."""
    return f"{called(ticket)} is your own plugin, so somebody else agrees."


def moved(ticket: Ticket, cut: Cut) -> str:
    """The review went on to another commit."""
    before = commit(cut.asked.repository, cut.asked.approved)
    again = typed(f"cutplugin {ticket.handle}")
    return f"The review of {called(ticket)} has moved from {before} to {at(ticket)}. Cut that, once it is approved: {again}."
