"""`python -m fuzz [HOW MANY] [SEED]`: nothing may be answered with 500, logged as an error, or leave the store other than its facts say."""

import asyncio
import contextlib
import hashlib
import hmac
import random
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import aiohttp

from mmbot.mattermost import callbacks, render

from .target import HOOK, MARKET, NAMES, REPOSITORIES, ROLES, SLASH, Target, as_json, target, user_id
from .words import NASTY, POLICY, Lines, bent, odd

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKED_EVERY = 5_000
MOST_FAULTS = 5
KINDS = ("slash", "click", "dialog", "post", "push", "replay", "noise")
BUSY = ("olive", "olive", "olive", "olive", "sam", "dana", "pam", "quinn", "sue", "ada") * 2
WEIGHTS = (30, 22, 14, 16, 4, 6, 8)


@dataclass
class Request:
    """One request, which can be sent again."""

    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"


class Fuzz:
    """Draws requests, sends them, looks at what came of them."""

    def __init__(self, on: Target, dice: random.Random) -> None:
        self.on, self.dice, self.count = on, dice, 0
        self.lines = Lines(dice, NAMES, REPOSITORIES)
        self.sent: list[Request] = []
        self.kinds: Counter[str] = Counter()
        self.said: Counter[str] = Counter()
        self.faults: list[str] = []
        self.counted: set[bytes] = set()

    def who(self) -> str:
        """Somebody, mostly somebody who may do things; lines that are drawn next speak of their role."""
        name = self.dice.choice((*NAMES, *BUSY))
        self.lines.role = next((role for role, names in ROLES.items() if name in names and role in POLICY.roles), "")
        return user_id(name)

    def trigger(self) -> str:
        return f"t{self.count}" if self.dice.random() < 0.97 else self.dice.choice(("", "t1", "x" * 999))

    def slash(self) -> Request:
        fields = {
            "token": SLASH, "user_id": self.who(), "user_name": "", "channel_id": MARKET, "text": self.lines.line(),
            "trigger_id": self.trigger(),
        }  # fmt: skip
        posts = list(self.on.wall.posts)
        if posts and self.dice.random() < 0.2:
            fields["root_id"] = self.dice.choice(posts[-200:])
        if self.dice.random() < 0.06:
            fields = {name: x if isinstance(x, str) else str(x) for name, x in bent(self.dice, fields).items()}
        return Request("/mattermost/command", urlencode(fields, errors="surrogatepass").encode(), FORM)

    def click(self) -> Request:
        posts = [x for x in list(self.on.wall.posts.items())[-300:] if x[1][1]]
        if not posts:
            return self.slash()
        post, (_, contexts) = self.dice.choice(posts)
        context: Any = self.dice.choice(contexts)
        match self.dice.random():
            case x if x < 0.1:
                context = bent(self.dice, context)
            case x if x < 0.2:
                post = self.dice.choice(posts)[0]
            case x if x < 0.25:
                context = {**context, "l": self.lines.line(), "selected_option": self.lines.line()}
        body: Any = {
            "user_id": self.who(), "user_name": "", "channel_id": MARKET, "post_id": post, "trigger_id": self.trigger(), "context": context,
        }  # fmt: skip
        return Request(
            "/mattermost/action", as_json(bent(self.dice, body) if self.dice.random() < 0.05 else body), JSON
        )

    def dialog(self) -> Request:
        if not self.on.dialogs:
            return self.slash()
        asked = self.dice.choice(self.on.dialogs)
        user = self.owner(asked["state"])
        body: Any = {
            "type": "dialog_submission", "callback_id": "mmbot", "user_id": user, "channel_id": MARKET, "state": asked["state"],
            "submission": {x["name"]: self.answer(x) for x in asked["elements"]}, "cancelled": self.dice.random() < 0.02,
        }  # fmt: skip
        if self.dice.random() < 0.15:
            body["submission"] |= {
                x: odd(self.dice) for x in ("ticket", "state", "items", "commit", "person", "words", "__class__")
            }
        if self.dice.random() < 0.1:
            body["state"] = bent(self.dice, body["state"])
        return Request(
            "/mattermost/dialog", as_json(bent(self.dice, body) if self.dice.random() < 0.05 else body), JSON
        )

    def owner(self, state: str) -> str:
        """Whose dialog it is, mostly: the bot signed it for one of them."""
        if self.dice.random() < 0.1:
            return self.who()
        for name in NAMES:
            with contextlib.suppress(render.Forged):
                render.dialog_state(state, user_id(name), self.on.wall.secret, 0)
                return user_id(name)
        return self.who()

    def answer(self, element: dict[str, Any]) -> Any:  # noqa: ANN401 -- JSON
        if self.dice.random() < 0.15:
            return odd(self.dice)
        if options := element.get("options"):
            return self.dice.choice(options)["value"]
        if element["type"] == "select":
            return self.dice.choice((self.who(), self.who(), "nobody", "z" * 26, "../me"))
        if element["name"] == "link":
            return self.lines.link()
        return self.dice.choice((self.lines.text(), self.lines.link(), str(self.dice.randint(0, 9)), "x" * 4000))

    def push(self) -> Request:
        body: Any = {
            "ref": self.dice.choice(("refs/heads/main", "refs/tags/v1.2.0", f"refs/heads/{self.dice.choice(NASTY)}")),
            "after": self.dice.choice("0123456789abcdef") * 40,
            "repository": {"html_url": self.dice.choice(REPOSITORIES)},
            "commits": [{"added": self.dice.choices(NASTY, k=3)}],
        }  # fmt: skip
        raw = as_json(bent(self.dice, body) if self.dice.random() < 0.3 else body)
        mac = hmac.new(HOOK.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"X-Hub-Signature-256": f"sha256={mac}", "X-GitHub-Event": self.dice.choice(("push", "push", "ping"))}
        return Request("/github", raw, JSON | headers)

    def noise(self) -> Request:
        """Something recorded, broken in its bytes, its headers or its address; or something else altogether."""
        dice = self.dice
        base = dice.choice(self.sent[-500:]) if self.sent else self.slash()
        body = bytearray(base.body)
        for _ in range(dice.randint(1, 8)):
            at = dice.randint(0, len(body))
            body[at : at + dice.randint(0, 4)] = dice.randbytes(dice.randint(0, 4))
        path = (
            base.path
            if dice.random() < 0.8
            else dice.choice(("/", "/mattermost", "/healthz", "/readyz", "/%00", "/mattermost/command/x"))
        )
        kind = dice.choice(
            (
                "application/json",
                "text/plain",
                "multipart/form-data",
                "application/x-www-form-urlencoded; charset=utf-7",
            )
        )
        method = "POST" if dice.random() < 0.9 else dice.choice(("GET", "PUT", "OPTIONS", "DELETE", "HEAD", "TRACE"))
        headers = base.headers | {"Content-Type": kind} | ({"Content-Encoding": "gzip"} if dice.random() < 0.05 else {})
        return Request(path, bytes(body), headers, method)

    def post(self) -> dict[str, Any]:
        """The data of a `posted` frame."""
        direct = self.dice.random() < 0.6
        user, line = self.who(), self.lines.line()
        posts = list(self.on.wall.posts)
        raw: Any = {
            "id": f"s{self.count:025}" if self.dice.random() < 0.95 else f"s{1:025}", "user_id": user, "channel_id": MARKET,
            "root_id": self.dice.choice(posts[-200:]) if posts and self.dice.random() < 0.2 else "",
            "message": line if direct else f"@mmbot {line}", "create_at": self.on.clock(), "type": "",
            "props": self.dice.choice(({}, {}, {}, None, {"from_bot": "true"})),
        }  # fmt: skip
        text = as_json(bent(self.dice, raw) if self.dice.random() < 0.1 else raw).decode()
        data: Any = {"post": text, "channel_type": "D" if direct else "O"}
        return dict(bent(self.dice, data)) if self.dice.random() < 0.05 else data

    async def one(self) -> None:
        """One request of any kind."""
        self.count += 1
        self.on.clock.at += self.dice.randint(50, 60_000)
        self.lines.tickets = self.on.app.store.next_number()
        kind = self.dice.choices(KINDS, WEIGHTS)[0]
        self.kinds[kind] += 1
        if kind == "post":
            await self.frame(self.post())
            return
        if kind == "replay" and self.sent:
            await self.again(self.dice.choice(self.sent[-500:]))
            return
        draw: dict[str, Callable[[], Request]] = {
            "slash": self.slash, "click": self.click, "dialog": self.dialog, "push": self.push, "noise": self.noise,
        }  # fmt: skip
        request = draw.get(kind, self.slash)()
        before = self.on.counted()
        await self.send(request)
        if before != self.on.counted():
            self.counted.add(hashlib.sha256(request.body).digest())
        self.sent.append(request)
        del self.sent[:-500]

    async def frame(self, data: dict[str, Any]) -> None:
        try:
            taken = await self.on.reception.said(callbacks.said(data))
            self.said["post taken" if taken else "post not for us"] += 1
        except callbacks.Malformed:
            self.said["post malformed"] += 1
        except Exception as error:  # noqa: BLE001 -- the very thing that is looked for
            self.faults.append(f"post {data!r}: {error!r}")
        self.look(repr(data))

    async def send(self, request: Request) -> int:
        before = self.on.changes()
        try:
            async with self.on.session.request(
                request.method, self.on.url + request.path, data=request.body, headers=request.headers
            ) as answer:
                text, status = await answer.text(), answer.status
        except aiohttp.ClientError as error:
            self.faults.append(f"{request}: {error!r}")
            return 0
        self.said[str(status)] += 1
        if status >= 500 or "Traceback" in text:
            self.faults.append(f"{request}: {status} {text[:300]}")
        if 400 <= status < 500 and self.on.changes() != before:
            self.faults.append(f"{request}: refused with {status}, but something was written")
        self.look(repr(request))
        return status

    async def again(self, request: Request) -> None:
        """What counted, by a trigger of its own, must not count again."""
        marked = re.search(rb'(trigger_id=|"trigger_id": ")t\d', request.body)
        counts = hashlib.sha256(request.body).digest() in self.counted and marked
        before = self.on.counted()
        await self.send(request)
        if counts and before != self.on.counted():
            self.faults.append(f"{request}: counted twice")

    def look(self, what: str) -> None:
        for error in self.on.errors():
            self.faults.append(f"{what[:1500]}: {error}")


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


def say(words: str) -> None:
    """A line for whoever runs this."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


async def main(many: int, seed: int) -> int:
    """Run; returns how many faults were found."""
    dice, start = random.Random(seed), time.monotonic()  # noqa: S311 -- to be repeated
    with tempfile.TemporaryDirectory() as folder:
        async with target(Path(folder), dice) as on:
            fuzz = Fuzz(on, dice)
            for number in range(1, many + 1):
                await fuzz.one()
                if number % 20 == 0:
                    await on.settle()
                    fuzz.look("the outbox")
                if number % CHECKED_EVERY == 0 or number == many:
                    await on.settle()
                    fuzz.faults += on.wrong()
                    facts, book, seen, posts = on.counted()
                    seconds = time.monotonic() - start
                    say(
                        f"{number:>9,} in {seconds:.0f} s: {facts + book:,} facts, {seen:,} events kept, {posts:,} posts"
                    )
                if len(fuzz.faults) > MOST_FAULTS:
                    break
            say(f"sent:     {', '.join(f'{x} {fuzz.kinds[x]:,}' for x in KINDS)}")
            say(f"answered: {', '.join(f'{x} {n:,}' for x, n in sorted(fuzz.said.items()))}")
            for fault in fuzz.faults:
                say(f"FAULT     {fault[:3000]}")
            say(f"{len(fuzz.faults)} faults with seed {seed}")
            return len(fuzz.faults)


if __name__ == "__main__":
    asked = [int(x) for x in sys.argv[1:]]
    sys.exit(min(1, asyncio.run(main(*(asked + [100_000, 1][len(asked) :])))))
