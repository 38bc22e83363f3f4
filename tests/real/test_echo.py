"""What people typed, as mmbot repeats it, on a server that parses it: nobody is mentioned, no tag, picture, link or emoji is found."""

import json
import os
import re
from collections.abc import Callable

import pytest
from fake_mattermost import FakeMattermost
from people import bootstrap
from test_phrases import FRAGMENTS

from mmbot.words import phrases

TEXT: tuple[Callable[[str], str], ...] = (
    phrases.plain, phrases.quoted, lambda x: f"**MB-7 {phrases.plain(x)}** and {phrases.plain(x)}",
    lambda x: f"| a | b |\n|:--|:--|\n| {phrases.plain(x)} | {phrases.plain(x)} |",
    lambda x: phrases.link(phrases.plain(x), f"https://a.example/{x}"),
)  # fmt: skip
CODE: tuple[Callable[[str], str], ...] = (phrases.code, phrases.block)
"""A server finds hashtags even in code, which clients do not show as such; only a search for them does."""


@pytest.mark.skipif(not os.environ.get("MMBOT_REAL_URL"), reason="the fakes parse no Markdown")
async def test_what_is_repeated_does_nothing_on_a_server(
    server: tuple[str, tuple[str, str], FakeMattermost | None],
) -> None:
    url, admin, _ = server
    evil = "".join(FRAGMENTS[:60])[:250], "".join(FRAGMENTS[60:])[:250]
    async with bootstrap(url, admin, ("uma", "sam")) as world, world.human("uma") as uma, world.human("sam") as sam:
        channel, sams = world.channels["reviews"], world.users["sam"]["username"]
        plain = await uma.say(channel, f"@all @{sams} #urgent :smile: ![i](http://a.example/i.png)")
        heard = await sam.wait_for(lambda p: p["id"] == plain["id"])
        assert heard["hashtags"], "the server finds what it is told"
        assert mentioned(sam.events, plain["id"])
        for form in TEXT + CODE:
            for text in (*(x for x in FRAGMENTS if x.isprintable() or "\u200b" in x), *evil):
                made = form(text.replace("@sam", f"@{sams}")).replace(phrases.MB, "/mb")
                post = await uma.say(channel, made.strip() or "-")
                heard = await sam.wait_for(lambda p, wanted=post["id"]: p["id"] == wanted)  # type: ignore[misc]
                said = heard.get("metadata") or {}
                assert form in CODE or not _tags(heard["hashtags"], made), made
                assert not said.get("emojis"), made
                assert not said.get("images"), made
                assert not mentioned(sam.events, post["id"]), made
                links = [x for x in said.get("embeds") or [] if x.get("url") != f"https://a.example/{text}"]
                assert not links, made


def mentioned(events: list[dict[str, object]], post: str) -> list[str]:
    """Whom the server says that a post mentions."""
    for event in events:
        data = event["data"]
        if event["event"] == "posted" and isinstance(data, dict) and json.loads(data["post"])["id"] == post:
            return list(json.loads(data.get("mentions") or "[]"))
    return []


def _tags(found: str, made: str) -> list[str]:
    """The hashtags that a server found outside code."""
    code = " ".join(re.findall("`[^`]*`", made))
    return [x for x in found.split() if x not in code]
