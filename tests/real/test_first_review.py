"""From submission to the open gate on a Mattermost server, by people who type, click, fill in dialogs and write messages."""

from pathlib import Path

import pytest
from stage import Stage, manifest

REMIND = "com.github.example.remind"
TEMPLATES = Path(__file__).parents[3] / "shared" / "data" / "issue_templates"


async def test_a_new_plugin_comes_to_the_open_gate(stage: Stage) -> None:  # noqa: PLR0915 -- one story, in order
    remind = stage.git.repository("example/remind")
    first = remind.commit({"plugin.json": manifest(REMIND, "Remind", "1.0.0"), "LICENSE": "MIT", "SECURITY.md": "x"})
    remind.tag("v1.0.0", first)
    link = f"{stage.git.url('example/remind')} v1.0.0"

    answer = await stage.mb("sue", f"submit {link}")
    assert "Your submission is **MB-1**" in answer
    assert f"{stage.world.users['olive']['username']}** guides it" in answer
    assert "security@example.com" in answer

    told = await stage.post("olive", "handed in", "you are its owner")
    assert told["channel_id"] == await stage.olive.dm(stage.bot["user_id"])
    card = await stage.post("pam", "MB-1 · Remind 1.0.0", f"`{first[:7]}`", "not asked yet")
    assert card["channel_id"] == stage.market
    found = await stage.post("pam", "`v1.0.0` is commit", "Track: new plugin")
    assert found["root_id"] == card["id"]

    assert "Asked for product, dev, security and QA" in await stage.mb("olive", "request MB-1")
    product = await stage.post("pam", "product review of", "**P1**", "**P8**")
    security = await stage.post("sam", "security review of", "**S1**")
    wanted = await stage.post("quinn", "needs a QA review")
    assert f"/{stage.world.team}/pl/{card['id']}" in wanted["message"]
    assert product["root_id"] == security["root_id"] == card["id"]

    assert "You are now the QA reviewer" in await stage.quinn.click(wanted["id"], "I'll review as QA")
    tom = await stage.post("tom", "needs a QA review")
    assert "does the QA review of" in await stage.tom.click(tom["id"], "I'll review as QA")

    assert "product approves" in await stage.pam.click(product["id"], "All pass, approve")
    assert "Only dev reviewers can do that" in await stage.mb("sue", "pass MB-1 T1")

    await stage.sam.click(security["id"], "Fail…", index=0, wait=0.1)
    dialog = await stage.sam.dialog()
    assert dialog["dialog"]["title"] == "What is missing?"
    assert await stage.sam.submit(dialog, {"why": "anybody can delete reminders of others"}, stage.market) == {}
    secret = await stage.post("sue", "anybody can delete reminders of others")
    assert secret["channel_id"] == await stage.sue.dm(stage.bot["user_id"])
    await stage.post("pam", "security requested changes")
    assert all("delete reminders" not in post["message"] for post in await stage.pam.posts(stage.market))
    assert "delete reminders" not in await stage.mb("pam", "status MB-1")
    assert "delete reminders" in await stage.mb("sam", "status MB-1")

    second = remind.commit({"plugin.json": manifest(REMIND, "Remind", "1.0.1"), "LICENSE": "MIT", "SECURITY.md": "y"})
    remind.tag("v1.0.1", second)
    assert "I tell security that your answer is there" in await stage.mb("sue", "ready MB-1 v1.0.1")
    await stage.post("pam", "The review moved from", f"`{second[:7]}`", "held until it is confirmed: product")
    holds = await stage.post("pam", "Does your review still hold?")
    assert "product still approves" in await stage.pam.click(holds["id"], "Still holds")
    again = await stage.post("sam", "it is your turn again")
    assert "Finding 1" in await stage.sam.click(again["id"], "Settle finding 1")
    assert "security approves" in await stage.mb("sam", "approve MB-1 --all")

    stage_dm = await stage.dana.dm(stage.bot["user_id"])
    await stage.dana.say(stage_dm, "approve MB-1 --all")
    await stage.post("dana", "Recorded: dev approves")
    assert "the review gate is open" in await stage.mb("quinn", "approve MB-1 --all")

    await stage.post("olive", "The review gate is open", "make a private fork")
    await stage.post("pam", "have approved", "the review gate is open")
    final = await stage.post("otto", "MB-1 · Remind 1.0.1", "**The review gate is open**")
    assert final["id"] == card["id"]


async def test_an_update_comes_to_the_open_gate_in_a_dialog_and_by_mention(stage: Stage) -> None:
    badges = stage.git.repository("example/badges")
    plugin = "com.github.example.badges"
    badges.tag("v1.0.0", badges.commit({"plugin.json": manifest(plugin, "Badges", "1.0.0")}))
    badges.tag("v1.1.0", badges.commit({"plugin.json": manifest(plugin, "Badges", "1.1.0"), "LICENSE": "MIT"}))

    assert await stage.people["otto"].slash(stage.market, f"/{stage.trigger} submit", timeout=0.5) == ""
    answers = {
        "link": f"{stage.git.url('example/badges')} v1.1.0",
        "summary": "Badges for @all and ![x](http://e.example/x.png)",
    }
    assert await stage.fill("otto", **answers) == {}
    await stage.post("otto", "Your submission is **MB-1**")
    card = await stage.post("pam", "MB-1 · Badges 1.1.0", "— update", "listed: 1.0.0")
    await stage.post("pam", "Track: update. Listed now: 1.0.0", "compare v1.0.0…")

    bot = stage.bot["username"]
    await stage.olive.say(stage.market, f"@{bot} request", root=card["id"])
    await stage.post("olive", "Asked for product, dev, security and QA")
    dev = await stage.post("dana", "dev review of", "Review what changed since the listed v1.0.0", "**U1**")
    assert dev["root_id"] == card["id"]

    assert "**P1** and **U3** passed" in await stage.mb("pam", "pass MB-1 P1 U3")
    for who, role in (("pam", "product"), ("dana", "dev"), ("sam", "security"), ("tom", "qa")):
        assert "Recorded" in await stage.mb(who, f"approve MB-1 {role} --all")
    await stage.post("olive", "The review gate is open")
    link = "https://github.com/example/badges/pull/2"
    for line in (f"done MB-1 pull-request {link}", "done MB-1 merged", "done MB-1 cut", f"done MB-1 listing {link}"):
        assert "Recorded for **MB-1 Badges 1.1.0**" in await stage.mb("olive", line)
    assert "Too early" in await stage.mb("olive", "done MB-1 listed")
    for who in ("dana", "tom"):
        assert "approves what was cut" in await stage.mb(who, "approve MB-1 --listing")
    await stage.mb("olive", "done MB-1 listed")
    await stage.post("otto", "is in the Marketplace now")
    await stage.post("pam", "MB-1 · Badges 1.1.0", "**Listed.**")


async def test_a_thread_says_which_ticket_is_meant(stage: Stage) -> None:
    remind = stage.git.repository("example/remind")
    remind.tag("v1.0.0", remind.commit({"plugin.json": manifest(REMIND, "Remind", "1.0.0")}))
    await stage.mb("sue", f"submit {stage.git.url('example/remind')} v1.0.0")
    card = await stage.post("sue", "MB-1 · Remind 1.0.0")
    await stage.post("sue", "`v1.0.0` is commit")  # an old server fails at two first replies at once
    await stage.sue.say(stage.market, f"@{stage.bot['username']} status", root=card["id"])
    await stage.post("sue", "**MB-1 Remind 1.0.0** — new plugin")
    await stage.sue.say(stage.market, f"@{stage.bot['username']} remind?")
    await stage.post("sue", "**MB-1 Remind 1.0.0** — new plugin, submitted by")


@pytest.mark.skipif(not TEMPLATES.exists(), reason="the issue templates are not here")
async def test_a_filled_in_issue_template_sent_as_a_message_is_a_submission(stage: Stage) -> None:
    remind = stage.git.repository("example/remind")
    remind.tag("v1.0.0", remind.commit({"plugin.json": manifest(REMIND, "Remind", "1.0.0")}))
    form = (TEMPLATES / "add_plugin.md").read_text("utf-8").partition("\n---\n")[2]
    form = form.replace(
        "#### Review commit",
        f"#### Review commit\n~~{stage.git.url('example/remind')}~~ {stage.git.url('example/remind')} v1.0.0",
    )
    form = form.replace("#### Summary", "#### Summary\nReminds people of @all things.")
    form = form.replace("- [ ] The plugin works", "- [?x?] The plugin works").replace("- [ ] ", "- [x] ", 9)
    channel = await stage.sue.dm(stage.bot["user_id"])
    await stage.sue.say(channel, form)
    answer = await stage.post("sue", "Your submission is **MB-1**", "Neither yes nor no: **T1**", "`[?x?]`")
    assert answer["channel_id"] == channel
    await stage.post("pam", "MB-1 · Remind 1.0.0")
    await stage.mb("olive", "request MB-1")
    await stage.post("dana", "dev review of", "the submitter wrote `[?x?]`, neither yes nor no")
    status = await stage.mb("otto", "status MB-1")
    assert "Reminds people of" in status
    assert "@all" not in status
