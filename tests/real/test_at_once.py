"""Several people, or one in a hurry, at the same thing at the same moment; and posts that are gone when somebody wants them."""

import asyncio

from people import Human, Json, Refused
from stage import Stage, manifest

PULL = "https://github.com/mattermost/marketplace/pull/7"


async def in_review(stage: Stage, name: str = "remind", roles: str = "") -> Json:
    """The card of a ticket whose reviews were asked for; the repository has a second version, too."""
    made = stage.git.repository(f"example/{name}")
    for version in ("1.0.0", "1.0.1"):
        files = {"plugin.json": manifest(f"com.example.{name}", name.capitalize(), version), "LICENSE": "MIT"}
        made.tag(f"v{version}", made.commit(files))
    await stage.mb("sue", f"submit {stage.git.url(f'example/{name}')} v1.0.0")
    card = await stage.post("olive", f" · {name.capitalize()} 1.0.0", "not asked yet")
    await stage.post("olive", f"{name.capitalize()} 1.0.0, id")
    ref = card["message"].split()[0].lstrip("*")
    assert "Asked for" in await stage.mb("olive", f"request {ref} {roles}")
    return {**card, "ref": ref}


async def click(human: Human, post: Json, label: str, index: int = 0) -> str:
    """What somebody reads after a click on a post as they saw it, whatever became of the post meanwhile."""
    human.seen[post["id"]] = post
    try:
        return await human.click(post["id"], label, index=index)
    except Refused as no:
        return f"the server: {no.status}"


async def double_click(human: Human, post: Json, label: str) -> list[str]:
    """What somebody reads who clicks twice at once."""
    known = len(human.ephemerals)
    said = await asyncio.gather(click(human, post, label), click(human, post, label))
    return [x for x in said if x.startswith("the server")] + [str(x["message"]) for x in human.ephemerals[known:]]


async def begun(stage: Stage, who: str, line: str) -> Json:
    """A dialog that somebody opened by typing the beginning of a command."""
    assert await stage.people[who].slash(stage.market, f"/{stage.trigger} {line}", timeout=0.3) == ""
    return await stage.people[who].dialog()


async def send(stage: Stage, who: str, dialog: Json, **answers: str) -> str:
    """Somebody sends a dialog; what it says that keeps it open, "" when it closes."""
    said = await stage.people[who].submit(dialog, answers, stage.market)
    return " ".join([said.get("error", ""), *said.get("errors", {}).values()]).strip()


async def staffed(stage: Stage, **roles: tuple[str, ...]) -> None:
    """The configuration gives roles to others, and the bot starts anew."""
    named = {role: tuple(stage.world.users[x]["username"] for x in people) for role, people in roles.items()}
    await stage.stop()
    stage.config = stage.config.model_copy(update={"people": {**stage.config.people, **named}})
    await stage.start()


async def test_of_two_who_hand_in_the_same_at_once_one_is_told_of_the_others_ticket(stage: Stage) -> None:
    made = stage.git.repository("example/remind")
    made.tag("v1.0.0", made.commit({"plugin.json": manifest("com.example.remind", "Remind", "1.0.0")}))
    line = f"submit {stage.git.url('example/remind')} v1.0.0"
    both = await asyncio.gather(stage.mb("sue", line), stage.mb("otto", line))
    assert sum("Your submission is **MB-1**" in said for said in both) == 1, both
    assert sum("MB-1" in said and "Your submission" not in said for said in both) == 1, both
    await stage.post("ada", "MB-1 · Remind 1.0.0")
    assert stage.rows("SELECT count(*) FROM ticket") == [(1,)]


async def test_of_two_who_act_at_the_same_moment_one_is_told_what_the_other_did(stage: Stage) -> None:
    card = await in_review(stage)
    quinn, tom = [await stage.post(x, "needs a QA review") for x in ("quinn", "tom")]
    both = await asyncio.gather(
        stage.quinn.click(quinn["id"], "I'll review as QA"), stage.tom.click(tom["id"], "I'll review as QA")
    )
    first = next(i for i, said in enumerate(both) if "You are now the QA reviewer" in said)
    one = ("quinn", "tom")[first]
    assert f"{stage.people[one].username} does the QA review" in both[1 - first]
    mine = (quinn, tom)[first]
    assert "You are the QA reviewer of" in await stage.people[one].click(mine["id"], "I'll review as QA")
    await stage.post("ada", "MB-1 · Remind", f"| QA | {stage.people[one].username} |")

    free = await stage.post("dana", "MB-1 · Remind", "| QA | ")
    hasty = await double_click(stage.dana, free, "I'll review as dev")
    assert sum("You are now the dev reviewer" in said for said in hasty) == 1, hasty
    assert all(said.startswith(("You are", "the server")) for said in hasty), hasty
    prompt = await stage.post("pam", "product review of")
    hasty = await double_click(stage.pam, prompt, "All pass, approve")
    assert sum("Recorded: product approves" in said for said in hasty) == 1, hasty
    assert all(said.startswith(("Recorded", "Product has approved", "the server")) for said in hasty), hasty

    for who, role in (("dana", "dev"), ("sam", "security"), (one, "qa")):
        assert "Recorded" in await stage.mb(who, f"approve MB-1 {role} --all")
    for step in ("fork https://github.com/mattermost/remind", "access", f"pull-request {PULL}", "legal"):
        assert "Recorded" in await stage.mb("olive", f"done MB-1 {step}")
    owners = await asyncio.gather(stage.mb("olive", "done MB-1 merged"), stage.mb("ada", "done MB-1 merged"))
    assert sum("Recorded for **MB-1 " in said for said in owners) == 1, owners
    assert sum("That is done already on MB-1: merged" in said for said in owners) == 1, owners
    await stage.quiet()
    news = [p for p in await stage.ada.thread(card["id"]) if "**merged**" in p["message"]]
    assert len(news) == 1


async def test_a_dialog_that_comes_too_late_says_so_and_keeps_what_was_typed(stage: Stage) -> None:
    await in_review(stage)
    prompt = await stage.post("sam", "security review of")
    await stage.sam.click(prompt["id"], "Fail…", wait=0.1)
    fails = await stage.sam.dialog()
    wrong = await begun(stage, "pam", "fail MB-1 P1")
    assert "→ **Reminders**" in await stage.mb("sue", "edit MB-1 title Reminders")
    sent = [
        send(stage, "pam", wrong, why="no licence header") for _ in range(2)
    ]  # another title is no reason to refuse
    assert await asyncio.gather(*sent) == ["", ""]
    await stage.post("pam", "**P1** failed", "Undo")
    assert await send(stage, "pam", wrong, why="no licence header") == ""
    await stage.post("sue", "**MB-1 Reminders", "no licence header")
    assert (await stage.mb("sue", "status MB-1")).count("no licence header") == 1

    without = await begun(stage, "pam", "na MB-1 P7")
    dev = await stage.post("dana", "dev review of")
    moved = asyncio.create_task(stage.mb("sue", "ready MB-1 v1.0.1"))
    raced = await click(stage.dana, dev, "All pass, approve")
    assert "v1.0.1" in await moved
    await stage.post("dana", "The review moved from")
    again = await click(stage.dana, dev, "All pass, approve")
    assert "the server" in again or "Nothing was recorded: it was meant for" in again, again
    assert raced.startswith(("Recorded: dev approves", "the server", "Nothing was recorded")), raced
    for who, dialog in (("sam", fails), ("pam", without)):
        late = await send(stage, who, dialog, why="anybody can read the token")
        assert late.startswith("Nothing was recorded: it was meant for `"), late
        assert "](" not in late, "clients show no links there"

    no, note, away = [
        await begun(stage, who, line)
        for who, line in (("olive", "reject MB-1"), ("dana", "note MB-1"), ("olive", "hold MB-1"))
    ]
    moves = await begun(stage, "sue", "commit MB-1")
    assert "**Withdrawn**" in await stage.mb("sue", "withdraw MB-1")
    for who, dialog, field in (("olive", no, "why"), ("olive", away, "why"), ("sue", moves, "link")):
        refused = await send(stage, who, dialog, **{field: "v1.0.1"})
        assert refused.startswith("MB-1 takes nothing more. Withdrawn on"), (field, refused)
    late = await send(stage, "sam", fails, why="anybody can read the token")
    assert late.startswith("MB-1 takes nothing more."), late
    assert await send(stage, "dana", note, text="I had begun") == ""  # a remark does no harm
    await stage.post("sue", "I had begun")
    wanted = await stage.post("quinn", "needs a QA review")
    assert "MB-1 takes nothing more. **Withdrawn** on" in await stage.quinn.click(wanted["id"], "I'll review as QA")
    gone = await click(stage.sam, prompt, "All pass, approve")
    assert "the server" in gone or "takes nothing more" in gone, gone
    assert "anybody can read" not in " ".join(p["message"] for p in stage.sue.seen.values())


async def test_a_ticket_that_is_rejected_and_withdrawn_at_once_ends_once(stage: Stage) -> None:
    card = await in_review(stage, roles="security")
    both = await asyncio.gather(stage.mb("olive", "reject MB-1 it is a copy"), stage.mb("sue", "withdraw MB-1"))
    assert sum("brings it back" in said for said in both) == 1, both
    assert sum(said.startswith("MB-1 takes nothing more. **") for said in both) == 1, both
    await stage.quiet()
    assert sum("closed **MB-1 Remind" in p["message"] for p in await stage.ada.thread(card["id"])) == 1
    line = f"submit {stage.git.url('example/remind')} v1.0.1"
    again, back = await asyncio.gather(stage.mb("sue", line), stage.mb("olive", "reopen MB-1"))
    assert ("Your submission is **MB-2**" in again) != ("goes on where it was" in back), (again, back)


async def test_one_person_in_two_roles_is_asked_in_which_and_one_who_lost_theirs_is_refused(stage: Stage) -> None:
    await staffed(stage, qa=("pam", "tom"))
    card = await in_review(stage)
    product, qa = [await stage.post("pam", f"{x} review of") for x in ("product", "QA")]
    asked = await stage.mb("pam", "approve MB-1 --all")
    assert "product" in asked, asked
    assert f"/{stage.trigger} approve MB-1" in asked, asked
    both = await stage.mb("pam", "pass MB-1 P1 F1")
    assert "Left for product: P2" in both, both
    assert "Left for QA: F2" in both, both
    assert "product approves" in await click(
        stage.pam, await stage.post("pam", "product review of", "**P1** passed by"), "All pass, approve"
    )
    assert "QA approves" in await click(
        stage.pam, await stage.post("pam", "QA review of", "**F1** passed by"), "All pass, approve"
    )
    assert product["root_id"] == qa["root_id"] == card["id"]
    both = await stage.mb("pam", "retract MB-1")
    assert "product" in both, both
    dialog = await begun(stage, "pam", "block MB-1")
    assert {"role", "text"} <= {x["name"] for x in dialog["dialog"]["elements"]}
    assert await send(stage, "pam", dialog, role="qa", text="it crashes on start") == ""
    await stage.post("sue", "QA", "it crashes on start")

    prompt = await stage.post("sam", "security review of")
    await stage.sam.click(prompt["id"], "Something's wrong…", wait=0.1)
    wrong = await stage.sam.dialog()
    await staffed(stage, security=("dana",))
    said = await send(stage, "sam", wrong, text="anybody can read the token")
    assert said.startswith("Only security reviewers can do that. Ask dana"), said
    assert "Only security reviewers" in await click(stage.sam, prompt, "All pass, approve")
    assert "security approves" in await stage.mb("dana", "approve MB-1 security --all")


async def test_posts_that_are_deleted_come_back_when_they_are_needed_and_change_nothing(stage: Stage) -> None:
    card = await in_review(stage, roles="security qa")
    prompt = await stage.post("sam", "security review of")
    found = await stage.post("sam", "is commit [`")
    asked = await stage.sue.say(stage.market, f"@{stage.bot['username']} note MB-1 see the wiki")
    await stage.post("sue", "see the wiki", "sue")
    for post in (found, prompt):
        await stage.world.admin.call("DELETE", f"/posts/{post['id']}")
    await stage.sue.api.call("DELETE", f"/posts/{asked['id']}")
    assert "Recorded" in await stage.mb("sam", "pass MB-1 S2")
    fresh = await stage.sam.wait_for(
        lambda p: "security review of" in p["message"] and p["id"] != prompt["id"] and p["root_id"]
    )
    assert "**S2** passed" in fresh["message"]
    assert fresh["root_id"] == card["id"]
    assert "security approves" in await stage.sam.click(fresh["id"], "All pass, approve")
    assert "Remind 1.0.0" in await stage.mb("sue", "status MB-1")
    await stage.quiet()
    said = [p["message"] for p in await stage.sue.thread(card["id"])]
    assert sum("see the wiki" in x for x in said) == 1
    assert sum("is commit" in x for x in said) == 0
