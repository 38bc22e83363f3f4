"""Every track to each of its endings, several tickets in one channel, by people who type, click, fill in dialogs and write messages."""

import re
from dataclasses import dataclass

from fake_git import FakeRepository
from people import Json
from stage import Stage, manifest

PULL = "https://github.com/mattermost/marketplace/pull/7"


@dataclass(frozen=True)
class Case:
    """A ticket as people see it: how it is called, and its card in the channel."""

    ref: str
    card: str


async def handed_in(
    stage: Stage, who: str, name: str, version: str = "1.0.0", more: str = "", *, app: bool = False
) -> Case:
    """Somebody hands in a repository, and its commit is found."""
    link, commit = repository(stage, name, version, app=app)
    return await opened(stage, who, await stage.mb(who, f"submit {link} {more}"), commit)


def repository(stage: Stage, name: str, version: str, *, app: bool = False) -> tuple[str, str]:
    """A version of a plugin, or of something without a manifest: how it is named in a command, and its commit."""
    place = stage.git.root / f"example/{name}.git"
    made = FakeRepository(place) if place.exists() else stage.git.repository(f"example/{name}")
    files = {"README.md": f"{name} {version}", "LICENSE": "MIT", "SECURITY.md": "mail us"}
    if not app:
        files["plugin.json"] = manifest(f"com.github.example.{name}", name.capitalize(), version)
    commit = made.commit(files)
    made.tag(f"v{version}", commit)
    return f"{stage.git.url(f'example/{name}')} v{version}", commit


async def opened(stage: Stage, who: str, answer: str, commit: str) -> Case:
    """The ticket that an answer names, from when its commit is found."""
    named = re.search(r"MB-\d+", answer)
    assert named, answer
    card = await stage.post(who, f"{named.group()} · ", f"`{commit[:7]}`")
    found = await stage.post(who, f"is commit [`{commit[:7]}`]")  # an old server fails at two first replies at once
    assert found["root_id"] == card["id"]
    return Case(named.group(), card["id"])


async def approved(stage: Stage, case: Case, roles: str = "product dev security qa") -> None:
    """Each role approves in a way of its own: a button, a direct message, a mention in the thread, a command."""
    ref, bot = case.ref, stage.bot
    if "product" in roles:
        prompt = await stage.post("pam", f"product review of **{ref} ")
        assert "product approves" in await stage.pam.click(prompt["id"], "All pass, approve")
    if "dev" in roles:
        await stage.dana.say(await stage.dana.dm(bot["user_id"]), f"approve {ref} --all")
        await stage.post("dana", "Recorded: dev approves", ref)
    if "security" in roles:
        await stage.sam.say(stage.market, f"@{bot['username']} approve --all", case.card)
        await stage.post("sam", "Recorded: security approves", ref)
    if "qa" in roles:
        assert "QA approves" in await stage.mb("tom", f"approve {ref} --all")
    await stage.post("olive", f"**{ref} ", "**The review gate is open**; next, ")


async def done(stage: Stage, case: Case, *steps: str) -> None:
    """The owner reports steps, by turns with a command and in the thread."""
    for number, step in enumerate(steps):
        word = "" if step.startswith("skip ") else "done "
        if number % 2:
            await stage.olive.say(stage.market, f"@{stage.bot['username']} {word}{step}", case.card)
            said = re.split(r" http| \"| @", step.removeprefix("skip "))[0].split()[0]
            await stage.post("olive", f"Recorded for **{case.ref} ", f"undone {case.ref} {said}`")
        else:
            verb, _, rest = f"{word}{step}".partition(" ")
            answer = await stage.mb("olive", f"{verb} {case.ref} {rest}")
            assert f"Recorded for **{case.ref} " in answer, answer


async def listed(stage: Stage, case: Case) -> None:
    """What was cut is approved and listed."""
    cut = await stage.post("dana", f"**{case.ref} ", "please try what was built")
    assert "approves what was cut" in await stage.dana.click(cut["id"], "It works")
    assert "approves what was cut" in await stage.mb("quinn", f"approve {case.ref} --listing")
    await done(stage, case, "listed")


async def shows(stage: Stage, case: Case, *words: str) -> Json:
    """The card, which somebody who did nothing sees with these words."""
    card = await stage.post("ada", f"{case.ref} · ", *words)
    assert card["id"] == case.card
    return card


async def rejected(stage: Stage, case: Case, submitter: str, why: str) -> None:
    """The owner rejects a ticket in a dialog; the submitter is told why."""
    assert await stage.olive.slash(stage.market, f"/{stage.trigger} reject {case.ref}", timeout=0.5) == ""
    assert await stage.fill("olive", why=why) == {}
    await stage.post("olive", f"**{case.ref} ", "**Rejected** on", why)
    told = await stage.post(submitter, f"I am sorry: **{case.ref} ", why)
    assert told["channel_id"] == await stage.people[submitter].dm(stage.bot["user_id"])
    await shows(stage, case, "**Rejected** on", why)


async def withdrawn(stage: Stage, case: Case, submitter: str) -> None:
    """The submitter withdraws a ticket by direct message."""
    human = stage.people[submitter]
    await human.say(await human.dm(stage.bot["user_id"]), f"withdraw {case.ref}")
    await stage.post(submitter, f"**{case.ref} ", "**Withdrawn** on", f"reopen {case.ref}`")
    await shows(stage, case, "**Withdrawn** on")


async def test_new_plugins_are_listed_rejected_and_withdrawn_side_by_side(stage: Stage) -> None:
    remind = await handed_in(stage, "sue", "remind")
    poll = await handed_in(stage, "otto", "poll")
    lunch = await handed_in(stage, "sue", "lunch")
    bot = stage.bot["username"]

    assert "**Remind** → **Reminders**" in await stage.mb("sue", f"edit {remind.ref} title Reminders")
    await shows(stage, remind, "Reminders 1.0.0")
    assert "on hold" in (await stage.mb("olive", f"hold {poll.ref} otto is away")).lower()
    await shows(stage, poll, "On hold", "otto is away")
    await stage.olive.say(stage.market, f"@{bot} unhold", poll.card)
    await stage.post("otto", f"**{poll.ref} Poll 1.0.0** goes on")

    for case in (remind, poll, lunch):
        await stage.olive.say(stage.market, f"@{bot} request", case.card)
    for case in (remind, poll, lunch):
        assert (await stage.post("pam", f"product review of **{case.ref} "))["root_id"] == case.card
    await rejected(stage, poll, "otto", "it does what the listed plugin Matterpoll does")
    await withdrawn(stage, lunch, "sue")
    assert "takes nothing more" in await stage.mb("dana", f"pass {poll.ref} T1")

    steps = "fork https://github.com/mattermost/remind", "access", f"pull-request {PULL}", "skip legal as before"
    await done(stage, remind, *steps)
    await approved(stage, remind)
    await done(stage, remind, "merged", "cut", f"listing {PULL}")
    assert "Too early" in await stage.mb("olive", f"done {remind.ref} listed")
    await listed(stage, remind)
    await stage.post("sue", f"🎉 **{remind.ref} Reminders 1.0.0** is in the Marketplace now")
    await done(stage, remind, "promotion", "analytics", f"swag @{stage.world.users['sue']['username']}")
    assert "every step is done" in await stage.mb("olive", f"next {remind.ref}")
    await shows(stage, remind, "**Listed.**")

    assert "goes on where it was" in await stage.mb("olive", f"reopen {poll.ref} it does more after all")
    await stage.post("otto", f"**{poll.ref} Poll 1.0.0** is open again")
    await shows(stage, poll, "Waiting for **a product reviewer**")


async def test_an_update_is_rejected_handed_in_again_withdrawn_taken_up_and_listed(stage: Stage) -> None:
    repository(stage, "badges", "1.0.0")
    first = await handed_in(stage, "otto", "badges", "1.1.0")
    await shows(stage, first, "— update", "listed: 1.0.0")
    await rejected(stage, first, "otto", "the new setting is nowhere described")

    link, commit = repository(stage, "badges", "1.1.1")
    second = await opened(stage, "otto", await stage.mb("otto", f"resubmit {first.ref} {link.split()[1]}"), commit)
    after = await stage.post("otto", "Handed in again", second.ref)
    assert after["root_id"] == first.card
    assert first.ref in await stage.mb("olive", f"status {second.ref}")
    await withdrawn(stage, second, "otto")

    assert "goes on where it was" in await stage.mb("olive", f"reopen {second.ref}")
    assert "still open" in await stage.mb("otto", f"resubmit {second.ref}")
    assert "Asked for" in await stage.mb("olive", f"request {second.ref}")
    dev = await stage.post("dana", f"dev review of **{second.ref} ", "**U1**", "the listed v1.0.0")
    assert dev["root_id"] == second.card
    await approved(stage, second)
    await done(stage, second, f"pull-request {PULL}", "merged", "cut", f"listing {PULL}")
    await listed(stage, second)
    await stage.post("otto", f"🎉 **{second.ref} Badges 1.1.1** is in the Marketplace now")
    assert "every step is done" in await stage.mb("olive", f"skip {second.ref} promotion a small fix")
    assert "handed in as an update" in await stage.mb("otto", f"resubmit {second.ref}")


async def test_beta_is_decided_and_is_listed_or_not(stage: Stage) -> None:
    wiki = await handed_in(stage, "sue", "wiki")
    todo = await handed_in(stage, "otto", "todo")
    chess = await handed_in(stage, "sue", "chess")
    for case in (wiki, todo):
        assert "Asked for" in await stage.mb("olive", f"request {case.ref}")
    prompt = await stage.post("dana", f"dev review of **{wiki.ref} ", "**T1**")
    await stage.dana.click(prompt["id"], "Fail…", wait=0.1)
    assert await stage.fill("dana", why="a second node sends everything twice") == {}
    await stage.post("sue", f"**{wiki.ref} ", "sends everything twice")
    assert "Only its owner and reviewers" in await stage.mb("sue", f"beta {wiki.ref} good enough for me")
    answer = await stage.mb("dana", f"beta {wiki.ref} it does not scale yet")
    assert "no longer" in answer, answer
    await stage.post("sue", f"**{wiki.ref} Wiki 1.0.0** goes on as **new plugin, as Beta**", "does not scale yet")
    await shows(stage, wiki, "new plugin, as Beta")
    await stage.post("dana", f"ev review of **{wiki.ref} ", "not asked for any more")
    await approved(stage, wiki, "product security qa")
    steps = "fork https://github.com/mattermost/wiki", "access", f"pull-request {PULL}", "legal", "merged", "cut"
    await done(stage, wiki, *steps, f"listing {PULL}")
    await listed(stage, wiki)
    await stage.post("sue", f"🎉 **{wiki.ref} Wiki 1.0.0** is in the Marketplace as Beta now")
    await shows(stage, wiki, "new plugin, as Beta", "**Listed.**")
    await done(stage, wiki, "promotion", "skip analytics with the others", f"swag @{stage.world.users['sue']['username']}")  # fmt: skip

    assert "Recorded" in await stage.mb("olive", f"beta {todo.ref} useful as it is")
    await rejected(stage, todo, "otto", "the author has given it up")

    await rejected(stage, chess, "sue", "it stops when two nodes run")
    assert await stage.dana.slash(stage.market, f"/{stage.trigger} beta {chess.ref}", timeout=0.5) == ""
    assert await stage.fill("dana", why="on one server it works well") == {}
    await stage.post("sue", f"**{chess.ref} Chess 1.0.0** is open again and goes on as **new plugin, as Beta**")
    await shows(stage, chess, "new plugin, as Beta", "Waiting for **")
    await withdrawn(stage, chess, "sue")


async def test_apps_are_listed_for_somebody_without_an_account_or_not(stage: Stage) -> None:
    link, commit = repository(stage, "standup", "1.2.0", app=True)
    answer = await stage.mb("olive", f'submit {link} --track app --for "Jane Doe"')
    assert "is open for Jane Doe" in answer
    standup = await opened(stage, "olive", answer, commit)
    await shows(stage, standup, "— App", "submitted by Jane Doe")
    pizza = await handed_in(stage, "otto", "pizza", more="--track app", app=True)
    await rejected(stage, pizza, "otto", "there is an App for that")
    again = repository(stage, "pizza", "2.0.0", app=True)
    beer = await opened(stage, "otto", await stage.mb("otto", f"submit {again[0]} --track app"), again[1])
    assert pizza.ref in await stage.mb("otto", f"status {beer.ref}")
    await withdrawn(stage, beer, "otto")

    assert "Asked for" in await stage.mb("olive", f"request {standup.ref}")
    assert "**S1** failed" in await stage.mb("sam", f"fail {standup.ref} S1 the token is in the log")
    passed_on = await stage.post("olive", "Jane Doe", "the token is in the log")
    assert passed_on["channel_id"] == await stage.olive.dm(stage.bot["user_id"])
    assert "I tell security" in await stage.mb("olive", f"ready {standup.ref}")
    turn = await stage.post("sam", f"**{standup.ref} ", "it is your turn again")
    assert "Finding 1" in await stage.sam.click(turn["id"], "Settle finding 1")
    await approved(stage, standup)
    assert "no step `cut`" in await stage.mb("olive", f"done {standup.ref} cut")
    await done(stage, standup, f"listing {PULL}", "listed", "promotion", 'swag "Jane Doe"')
    await stage.post("olive", "Jane Doe", "is in the Marketplace now")
    assert "every step is done" in await stage.mb("olive", f"next {standup.ref}")


async def contributed(stage: Stage, who: str, line: str, **answers: str) -> Case:
    """Somebody fills in the web Marketplace's form, wrongly and then well."""
    assert await stage.people[who].slash(stage.market, f"/{stage.trigger} {line}", timeout=0.5) == ""
    dialog = await stage.people[who].dialog()
    page = "https://example.com"
    filled = {"documentation": f"{page}/docs", "tracker": f"{page}/issues", "summary": "It helps @all.", **answers}
    wrong = await stage.people[who].submit(dialog, {**filled, "tracker": "somewhere"}, stage.market)
    assert "`https://`" in wrong["errors"]["tracker"]
    assert await stage.people[who].submit(dialog, filled, stage.market) == {}
    card = await stage.post(who, f" · {answers['name']}", "web Marketplace")
    ref = card["message"].split()[0].lstrip("*")
    await stage.post(who, f"Your contribution is **{ref}**")
    return Case(ref, card["id"])


async def test_contributions_are_published_taken_into_the_product_rejected_and_withdrawn(stage: Stage) -> None:
    plugin = await contributed(
        stage, "sue", "contribute", kind="plugin", name="Remind", link="https://example.com/remind"
    )
    tool = await contributed(stage, "otto", "contribute tool https://example.com/importer", name="Importer")
    hook = await contributed(stage, "ada", "contribute webhook https://example.com/hooks", name="Build news")
    await withdrawn(stage, hook, "ada")
    await rejected(stage, tool, "otto", "the page asks for a password")
    assert "fill in the form again" in await stage.mb("otto", f"resubmit {tool.ref}")

    assert "Asked for product" in await stage.mb("olive", f"request {plugin.ref}")
    await approved(stage, plugin, "product")
    await done(stage, plugin, "contact", "published https://mattermost.com/marketplace/remind", "social-media")
    await stage.post("sue", f"🎉 **{plugin.ref} Remind** is on the web Marketplace now")
    await done(stage, plugin, f"swag @{stage.world.users['sue']['username']}")

    assert "repository is reviewed" in await stage.mb("sue", f"resubmit {plugin.ref}")
    link, commit = repository(stage, "remind", "1.0.0")
    onward = await opened(stage, "sue", await stage.mb("sue", f"resubmit {plugin.ref} {link}"), commit)
    await shows(stage, onward, "— new plugin", "com.github.example.remind")
    news = await stage.post("ada", "Handed in for the in-product Marketplace", onward.ref)
    assert news["root_id"] == plugin.card
    assert plugin.ref in await stage.mb("sue", f"status {onward.ref}")
