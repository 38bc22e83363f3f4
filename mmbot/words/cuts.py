"""The words about what is cut: what keeps it from being cut, how far it has come, what came of it."""

from collections.abc import Callable, Sequence

from mmbot.domain import cut_facts as c
from mmbot.domain.cut import Cut, Missing
from mmbot.domain.cut_facts import CUT_STEPS, CutStep
from mmbot.domain.ticket import Ticket
from mmbot.messages import Button, Colour, Message, Row
from mmbot.words.cards import Who, at, called, resting, title_of
from mmbot.words.cut_steps import THIS
from mmbot.words.phrases import code, commit, day, link, listed, minute, plain, plural, typed
from mmbot.words.refusals import start

DOING: dict[CutStep, str] = {
    "tag": "tagging", "obtain": "getting the bundle", "verify": "verifying", "split": "splitting", "sign": "signing",
    "verify-signatures": "verifying the signatures", "upload": "uploading", "verify-uploads": "verifying the uploads",
    "announce": "announcing",
}  # fmt: skip
NAMES: dict[CutStep, str] = {
    "tag": "tag", "obtain": "bundle", "verify": "verified", "split": "split", "sign": "signed",
    "verify-signatures": "signatures verified", "upload": "uploaded", "verify-uploads": "uploads verified", "announce": "announced",
}  # fmt: skip
KEYS = {
    "release.organisation": "whose repositories are cut", "release.obtain": "where bundles come from",
    "signing": "the key that signs", "storage": "where it is uploaded to", "listing": "how the listing is changed",
}  # fmt: skip
WAYS = {"github": "from the release that its CI builds", "build": "built here", "bundle": "as it was given"}
MANY = 60_000
"""Milliseconds from which on it is said how long a step took."""


# What keeps it from being cut


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


def why_missing(asked: c.CutAsked) -> str:
    """Force without a reason."""
    return f"Please say why it is forced, last in the line: {typed(f'{_line_of(asked)} --force WHY')}."


def under_way(cut: Cut, who: Who) -> str:
    """The same tag is being cut already."""
    words = {"asked": "waits for a second person already", "waits": "waits for its turn already"}
    what = words.get(cut.state, "is being cut already")
    n = cut.number
    ways = f"{typed(f'cut status {n}')} shows it, {typed(f'cut cancel {n}')} stops it."
    return f"{_what(cut)} {what}, for {who(cut.asked.by)} (cut {n}). {ways}"


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
    return f"{_what(cut)} was begun already, and {state} (cut {n}): {typed(f'cut retry {n}')} goes on there. To begin anew: {anew}."


def cut_already(cut: Cut, who: Who) -> str:
    """It was cut before."""
    again = typed(f"cutplugin --repo {cut.repository} --tag {cut.asked.tag} --force WHY")
    done = cut.done["announce"]
    return f"{_what(cut)} was cut by {who(cut.asked.by)} on {day(done.at)} (cut {cut.number}). To replace it, say why: {again}."


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
    return f"{_what(cut)} {words[cut.state]} (cut {cut.number})."


def nothing_to_retry(cut: Cut) -> str:
    """It is under way, or went well."""
    anew = typed(f"cutplugin --repo {cut.repository} --tag {cut.asked.tag} --force WHY")
    went = f"went well. To cut it anew: {anew}" if cut.state == "done" else "is not over yet"
    return f"Cut {cut.number} {went}."


def newer_cut(cut: Cut, newer: int) -> str:
    """The same tag was cut again since."""
    return f"{_what(cut)} was begun again since, as cut {newer}: {typed(f'cut status {newer}')}."


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


# Asked for


def begun(cut: Cut, ticket: Ticket | None) -> str:
    """It is under way, or waits for its turn."""
    n = cut.number
    where = f"in {ticket.handle}'s thread" if ticket else "in the channel"
    if cut.state == "waits":
        return f"{_what(cut)} is next: others are being cut now (cut {n}). {typed('cut status')} lists them."
    goes = f"goes on with {DOING[cut.step]}" if cut.run > 1 else "has begun"
    return f"Cutting {_what(cut)} {goes} (cut {n}); the post {where} shows how far it is. To stop it: {typed(f'cut cancel {n}')}."


def plan(asked: c.CutAsked, ticket: Ticket | None, against: Sequence[str]) -> str:
    """What would be done, and what is missing."""
    what = commit(asked.repository, asked.commit) if asked.commit else "the default branch's newest commit"
    why = f", the approved commit of {called(ticket)}" if ticket and not ticket.comparing else ""
    name = asked.repository.rsplit("/", 1)[-1]
    files = code(f"{name}-{asked.tag}.tar.gz", 120)
    second = "- A second release user agrees, since this version is listed.\n" if asked.second else ""
    steps = (
        f"I would cut {code(name)} {code(asked.tag, 60)} from {what}{why}:\n{second}"
        f"- {'See that its code is what was approved, and tag' if ticket else 'Tag'} it {code(asked.tag, 60)}.\n"
        f"- Take the bundle {WAYS[asked.source]}, and verify it: id, version, every executable.\n"
        f"- Split it by platform, sign each bundle and verify the signatures.\n"
        f"- Upload {files} and the others, and verify what arrived.\n"
        f"- Say so in {'the thread' if ticket else 'the channel'}."
    )
    if against:
        return f"{steps}\n\nBut now it can't be:\n" + "\n".join(f"- {x.replace(chr(10), ' ')}" for x in against)
    return f"{steps}\n\nNothing is missing, and nothing was done."


def waits_for_second(cut: Cut, names: Sequence[str]) -> str:
    """A version that is listed: somebody else has to agree."""
    ask = (
        f"{listed(names[:5], 'or')} can agree"
        if names
        else "There is no other release user who could agree: an admin names one"
    )
    return f"{_what(cut)} is listed, so a second release user has to agree (cut {cut.number}). {ask}: {typed(f'cut confirm {cut.number}')}."


def asks_to_agree(cut: Cut, by: str) -> Message:
    """To the other release users."""
    n = cut.number
    return Message(
        f"{by} wants {_what(cut)} cut anew, though this version is **listed**: {plain(cut.asked.forced, 500)}\n"
        f"Its bundles and signatures would be replaced. If you agree: {typed(f'cut confirm {n}')}; else {typed(f'cut cancel {n}')}.",
        (Row((Button("I agree", f"cut confirm {n}", "primary"), Button("Stop it", f"cut cancel {n}", "danger"))),),
    )


def agreed_to_asker(cut: Cut, by: str) -> Message:
    """To whoever asked."""
    return Message(f"{by} agrees: {_what(cut)} is cut anew (cut {cut.number}).")


# How far it is


def progress(cut: Cut, who: Who, came_to: str) -> Message:
    """The post that shows how far a cut has come."""
    asked, state = cut.asked, cut.state
    verb: tuple[str, Colour] = {
        "asked": ("A second person is asked about cutting", "amber"),
        "waits": ("Next to be cut:", "blue"),
        "running": ("Cutting", "blue"),
        "failed": ("Could not cut", "red"),
        "cancelled": ("Stopped: cutting", "grey"),
        "done": ("Cut", "green"),
    }[state]  # type: ignore[assignment]  # pairs of a word and a colour
    source = f" from {commit(asked.repository, cut.commit)}" if cut.commit else ""
    why = f"\nForced: {plain(asked.forced, 300)}" if asked.forced else ""
    begun = "asked for" if state in {"asked", "waits"} else "started"
    head = f"**{verb[0]} {_what(cut)}**{source}, {begun} by {who(asked.by)} on {minute(asked.at)} UTC (cut {cut.number}){why}"
    parts = [_mark(cut, x, came_to) for x in CUT_STEPS]
    end = (
        f"\n{who(asked.by)} was told why." if state == "failed" else ""
    )  # it may speak of what not everybody should read
    warnings = cut.verified.warnings if cut.verified else ()
    hints = "".join(f"\nTo note: {x}" for x in warnings[:5])
    rows: tuple[Row, ...] = ()
    if state in {"running", "waits", "asked"}:
        rows = (Row((Button("Stop it", f"cut cancel {cut.number}"),)),)
    elif state in {"failed", "cancelled"}:
        rows = (Row((Button("Try again", f"cut retry {cut.number}"),)),)
    return Message(f"{head}\n{' · '.join(parts)}{hints}{end}", rows, verb[1])


def _mark(cut: Cut, step: CutStep, came_to: str) -> str:
    went = cut.done.get(step)
    if went:
        return f"✓ {_done(cut, step, went)}"
    if step != cut.step or cut.state not in {"running", "failed"}:
        return NAMES[step]
    if cut.state == "failed":
        return f"✗ {NAMES[step]}"
    since = minute(cut.step_began).rpartition(" ")[2]
    return f"▶ {DOING[step]} {came_to or f'since {since}'}"


def _done(cut: Cut, step: CutStep, went: c.StepWent) -> str:
    before = cut.done.get(CUT_STEPS[CUT_STEPS.index(step) - 1]) if step != "tag" else None
    took = went.at - max(before.at if before else 0, cut.begun_at)
    long = f" ({plural(round(took / 60_000), 'minute')})" if took >= MANY else ""
    if step == "obtain":
        note = {"github": " from CI", "build": " built here", "bundle": " as given"}[cut.asked.source]
        return f"{NAMES[step]}{note}{long}"
    if step == "verify":
        many = f", {plural(len(went.declared), 'platform')}" if went.declared else ""
        return f"verified: id, version{many}{long}"
    return f"{NAMES[step]}{long}"


def status(cuts: Sequence[Cut], who: Who, more: int = 0) -> str:
    """What is being cut, and the last that were; `more` wait besides."""
    if not cuts:
        return f"Nothing was cut yet. {typed('cutplugin MB-7')} cuts the approved commit of a ticket."
    return "\n".join([*(_line(x, who) for x in cuts), *([f"{plural(more, 'more cut')} under way."] if more else [])])


def _line(cut: Cut, who: Who) -> str:
    words = {
        "asked": "waits for a second person", "waits": "waits for its turn", "running": f"{DOING[cut.step]}",
        "failed": f"failed at {DOING[cut.step]}", "cancelled": "stopped", "done": "cut",
    }[cut.state]  # fmt: skip
    since = day(cut.changed_at)
    return f"- **{cut.number}** {_what(cut)}: {words}, {since}, for {who(cut.asked.by)}"


def detail(cut: Cut, who: Who, came_to: str) -> str:
    """Everything of one cut."""
    files = "".join(f"\n- {code(x.name, 160)} SHA-256 {code(x.sha256)}" for x in cut.artifacts)
    why = f"\n✗ {cut.failed.why}\n{typed(f'cut retry {cut.number}')} goes on from there." if cut.failed else ""
    return progress(cut, who, came_to).text + why + files


def failed(cut: Cut) -> Message:
    """To whoever asked: it could not go on."""
    why = cut.failed.why if cut.failed else ""
    n = cut.number
    return Message(
        f"{_what(cut)} could not be cut; it failed at {DOING[cut.step]} (cut {n}): {why}\nWhen that is settled: {typed(f'cut retry {n}')}.",
        (Row((Button("Try again", f"cut retry {n}"),)),),
    )


def may_not_go_on(cut: Cut, why: str, *, again: bool) -> Message:
    """To whoever asked: something came between. `again` is whether it can go on once that is settled."""
    n = cut.number
    said = f"Cutting {_what(cut)} has ended before it was done (cut {n}): {why}"
    if "upload" in cut.done:
        said += f"\nIts signed files are in the storage already: unless it goes on, take out all that begin with {code(cut.name, 160)}."
    if not again:
        return Message(said)
    return Message(
        f"{said}\nWhen that is settled: {typed(f'cut retry {n}')}.", (Row((Button("Try again", f"cut retry {n}"),)),)
    )


def of_this(cut: Cut, why: str) -> str:
    """A sentence of a step, with this cut's ticket, or its repository and tag, where THIS stands."""
    named = f"MB-{cut.asked.ticket}" if cut.asked.ticket else f"--repo {cut.repository} --tag {cut.asked.tag}"
    return why.replace(THIS, named)


def fault(reference: str) -> str:
    """A fault of the bot's own."""
    return f"That is a fault of mine, not yours; an operator finds it in the log as {code(reference)}."


def cancelled(cut: Cut) -> str:
    """It was stopped."""
    n, made = cut.number, "upload" in cut.done
    left = " What was uploaded stays there." if made else ""
    tagged = f" The tag {code(cut.asked.tag)} stays." if "tag" in cut.done and not made else ""
    return f"Stopped: {_what(cut)} is not cut.{tagged}{left} To go on after all: {typed(f'cut retry {n}')}."


def cancelled_to_asker(cut: Cut, by: str) -> Message:
    """To whoever asked, where another stopped it."""
    return Message(
        f"{by} stopped the cut of {_what(cut)} (cut {cut.number}). To go on after all: {typed(f'cut retry {cut.number}')}."
    )


def announced(cut: Cut, public_url: str, by: str) -> Message:
    """In the thread: it was cut, and where it is."""
    first = cut.artifacts[0]
    platforms = [x.platform for x in cut.artifacts if x.platform]
    kinds = f" and for {listed(dict.fromkeys(platforms))}" if platforms else ""
    where = (
        link(code(first.name, 160), f"{public_url.rstrip('/')}/{first.name}") if public_url else code(first.name, 160)
    )
    again = f" It replaces what was cut before: {plain(cut.asked.forced, 300)}" if cut.asked.forced else ""
    source = f"from {commit(cut.asked.repository, cut.commit)}"
    if cut.asked.source == "bundle":
        source = (
            f"for {commit(cut.asked.repository, cut.commit)}, from a bundle that {by} gave and that was built elsewhere"
        )
    return Message(
        f"✓ **{_what(cut)} is cut** {source}, signed and uploaded, by {by}: {where}{kinds}, "
        f"each with its signature.{again}"
    )


def finished(cut: Cut, ticket: Ticket | None) -> Message:
    """To whoever asked: it is cut, and what comes next."""
    line = f"list {ticket.handle}" if ticket else f"list --repo {cut.repository} --tag {cut.asked.tag} --official"
    return Message(
        f"{_what(cut)} is cut, signed and uploaded (cut {cut.number}). Next, its entry in the listing: {typed(line)}.",
        (Row((Button("Make the entry", line, "primary"),)),) if ticket else (),
    )


def _what(cut: Cut) -> str:
    return f"{plain(cut.repository, 100)} {plain(cut.asked.tag, 60)}"
