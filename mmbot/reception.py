"""A request at one of the doors becomes an Event, and its Reply becomes what the server or the terminal shows."""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import structlog
from pydantic import ValidationError

from mmbot import commands
from mmbot.app import App
from mmbot.domain import flood
from mmbot.events import Command, Event, Incomplete, Late, Misread, Person, Pushed, Where
from mmbot.github.submission import submission
from mmbot.mattermost import render
from mmbot.mattermost.callbacks import ID, Click, Malformed, Said, Slash, Submission
from mmbot.mattermost.client import RestError
from mmbot.mattermost.rest import PRIVATE, Rest
from mmbot.mattermost.values import User
from mmbot.messages import Reply
from mmbot.store import outbox
from mmbot.words import dialogs, replies

log = structlog.get_logger()

NOT_FOUND = 404
EXACT = frozenset({"people"})
"""The words after which a name is looked up even if it is known: roles must go to whoever has that name now."""
LOOK_UP_SECONDS = 2.0
"""How long people may take to be looked up: an old server waits three seconds for a dialog."""

MOST_REMEMBERED = 1_000
"""People of whom it is known how much they asked for; who asked for nothing lately is forgotten when there are more."""

POSTED_SECONDS = 2.0
"""How long a click waits for the server to say that it made the post."""


@dataclass
class Reception:
    """The doors' common desk. `wake` is called after each event, since it may have left something to be sent."""

    app: App
    rest: Rest
    me: Person
    secret: bytes
    trigger: str
    callback_url: str
    wake: Callable[[], None]
    most: int = flood.MOST
    _asked: dict[str, flood.Asked] = field(default_factory=dict)
    _mention: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        self._mention = re.compile(rf"(?:^|(?<=\s))@{re.escape(self.me.name)}(?![a-z0-9._-])[,:]?\s*", re.IGNORECASE)

    async def slash(self, asked: Slash) -> dict[str, Any]:
        """Answer a slash command: only its author sees the answer."""
        if (no := self._too_much(asked.user_id, self.app.now())) is not None:
            return {"response_type": "ephemeral", "text": no, "skip_slack_parsing": True}
        people = await self._people(asked.user_id, asked.text, asked.mentions, asked.user_name)
        thread = self._about(asked.root_id)
        what = submission(asked.text, self.app.store.policy) or self._read(
            asked.text or "help", asked.user_id, thread, people
        )
        where = Where("slash", asked.channel_id, asked.root_id)
        reply = self._handle(
            Event(_once("slash", asked.trigger_id), asked.user_id, self.app.now(), where, what, people)
        )
        text = await self._shown(reply, asked.user_id, asked.trigger_id)
        return {"response_type": "ephemeral", "text": text, "skip_slack_parsing": True}

    async def click(self, asked: Click) -> dict[str, Any]:
        """Answer a pressed button. Raises render.Forged, Malformed."""
        row_id, line, old = render.clicked(asked.context, self.secret, self.app.now())
        if (no := self._too_much(asked.user_id, self.app.now())) is not None:
            return self._ephemeral(no)
        row = await self._row(row_id)
        if row is None or row.post != asked.post_id:
            log.warning("button of another post", row=row_id, post=asked.post_id)
            return self._ephemeral(replies.stray())
        people = await self._people(asked.user_id, "", (), asked.user_name)
        if old:
            return self._refreshed(row)
        what = self._read(line, asked.user_id, (None, ""), people)
        if isinstance(what, Misread):
            return self._refreshed(row)
        where = Where("click", asked.channel_id, "", asked.post_id)
        reply = self._handle(
            Event(_once("click", asked.trigger_id), asked.user_id, self.app.now(), where, what, people)
        )
        return self._ephemeral(await self._shown(reply, asked.user_id, asked.trigger_id))

    async def _row(self, number: int) -> outbox.OutboxRow | None:
        """The outbox row of a post, which the server may show to people before it tells us that it made it."""
        row = outbox.row(self.app.store, number)
        tries = round(POSTED_SECONDS / 0.05)
        while row and not row.post and row.state == "pending" and tries:
            await asyncio.sleep(0.05)
            row, tries = outbox.row(self.app.store, number), tries - 1
        return row

    async def dialog(self, asked: Submission) -> dict[str, Any]:
        """Take in a filled-in dialog: errors go back into it, the answer goes by direct message. Raises Forged, Malformed."""
        line, nonce = render.dialog_state(asked.state, asked.user_id, self.secret, self.app.now())
        if asked.cancelled:
            return {}
        if (no := self._too_much(asked.user_id, self.app.now(), aloud=True)) is not None:
            return self._unfilled([("", no)], {})  # always said: it must not close as if what was typed were taken
        people = await self._people(asked.user_id, "", ())
        context = commands.Context(asked.user_id, None, {x.name: x.id for x in people})
        answers = {name: commands.tidy(x) if isinstance(x, str) else x for name, x in asked.answers.items()}
        try:
            what = commands.filled(_word(line), line, answers, self.app.store.policy, context)
        except ValidationError as error:
            found = error.errors(include_input=False, include_url=False)
            return self._unfilled(
                [(str((*x["loc"], "")[0]), x["msg"].removeprefix("Value error, ")) for x in found], asked.answers
            )
        named = await self._named(what)
        once = _once("dialog", nonce, repr(sorted(asked.answers.items())))
        reply = self._handle(
            Event(once, asked.user_id, self.app.now(), Where("dialog", asked.channel_id), what, (*people, *named))
        )
        if reply:  # a refusal: everything else is on its way as a message
            return self._unfilled(reply.errors or [("", reply.text)], asked.answers)
        return {}

    def _unfilled(self, errors: Iterable[tuple[str, str]], answers: Mapping[str, object]) -> dict[str, Any]:
        """What is wrong with a dialog's answers. A client shows an error beside a field that it has, and else at the bottom."""
        beside = {name: render.unformatted(self._plain(text)) for name, text in errors if name in answers}
        below = [render.unformatted(self._plain(text)) for name, text in errors if name not in answers]
        return {**({"errors": beside} if beside else {}), **({"error": "\n".join(below)} if below else {})}

    async def said(self, post: Said, late: int = 0) -> bool:
        """Take in a post that is for us: a direct message, or one that mentions the bot. Returns whether it was. Raises Malformed.

        What was written before the moment `late` (milliseconds UTC) is not acted on: its author is asked to repeat it; but what tells
        of its moment counts.
        """
        if post.by_machine or post.user_id == self.me.id:
            return False
        direct = post.channel_type == "D"
        mention = self._mention.search(post.message)
        if not direct and not mention:
            return False
        event_id = f"post:{post.post_id}"
        if self.app.store.seen(event_id):
            return True
        if (no := self._too_much(post.user_id, post.create_at)) is not None:
            with (
                self.app.store.transaction()
            ):  # nothing is kept of it but its id: when missed posts are looked for it is found again
                self.app.store.first_time(event_id, post.create_at)
                if no:
                    self.app.say(post.user_id, no)
            if no:
                self.wake()
            return False
        line = post.message[mention.end() :] if mention else post.message
        people = await self._people(post.user_id, line, ())
        if any(x.is_bot for x in people if x.id == post.user_id):
            return False
        thread = self._about(post.root_id)
        what: Command | Misread | Incomplete | Late = submission(line, self.app.store.policy) or self._read(
            line.strip() or "help", post.user_id, thread, people
        )
        if post.create_at < late and not (isinstance(what, Command) and what.dated):
            what = Late(text=line.strip()[:200] or "help", what=what, until=late)
        where = Where("dm" if direct else self._mentioned_in(post), post.channel_id, post.root_id, post.post_id)
        self._handle(Event(event_id, post.user_id, post.create_at, where, what, people))
        return True

    def _mentioned_in(self, post: Said) -> Literal["security", "mention"]:
        """Other private channels and groups may hold anybody; and the security team's own may have been made public."""
        private = post.channel_type == PRIVATE and post.channel_id == self.app.settings.security_channel
        return "security" if private else "mention"

    def pushed(self, what: Pushed, delivery: str) -> None:
        """Take in that commits came to a repository; what is delivered twice, by its mark, counts once."""
        self._handle(Event(_once("github", delivery), "", self.app.now(), Where("github"), what))

    def _too_much(self, user: str, at: int, *, aloud: bool = False) -> str | None:
        """None where one more request of a person is taken; else what says no: a sentence the first time, or always `aloud`, then "".

        Only for requests that prove whose they are: nobody can use up what another may ask for.
        """
        if len(self._asked) >= MOST_REMEMBERED:
            self._asked = {x: asked for x, asked in self._asked.items() if not flood.over(asked, at)}
        self._asked[user], what = flood.ask(self._asked.get(user, flood.Asked()), at, self.most)
        if what == "take":
            return None
        until = self._asked[user].until
        if what == "say no":
            log.warning("flood", person=user, seconds=(until - at) // 1000)
        known = self.app.store.person(user) if what == "say no" or aloud else None
        return replies.too_much(until, known.zone if known else "") if what == "say no" or aloud else ""

    def _read(
        self, line: str, user: str, thread: tuple[int | None, str], people: Iterable[Person]
    ) -> Command | Misread | Incomplete:
        known = {x.name: x.id for x in people}
        for name in commands.names_in(line) if not _exact(line) else ():
            if name not in known and (person := self.app.store.person_named(name)):
                known[name] = person.id
        ticket, case = thread
        return commands.read(line, self.app.store.policy, commands.Context(user, ticket, known, case))

    def _handle(self, event: Event) -> Reply | None:
        reply = self.app.handle(event)
        self.wake()
        return reply

    async def _shown(self, reply: Reply | None, user: str, trigger_id: str) -> str:
        """What the asker reads at once; where the answer is a dialog, it is opened, and nothing needs to be read."""
        if reply is None:
            return ""
        if reply.dialog:
            asked = render.dialog(reply.dialog, user, secrets.token_hex(8), self.secret, self.app.now(), self.trigger)
            try:
                await self.rest.open_dialog(trigger_id, f"{self.callback_url}/mattermost/dialog", asked)
            except RestError as error:
                log.warning("dialog not opened", status=error.status, reason=error.id)
                word = _word(reply.dialog.line)
                return self._plain(dialogs.failed(word, commands.usage(word)))
            return ""
        return self._plain(reply.text)

    def _plain(self, text: str) -> str:
        return render.text(text, self.trigger)

    def _ephemeral(self, text: str) -> dict[str, Any]:
        return {"ephemeral_text": self._plain(text), "skip_slack_parsing": True}

    def _refreshed(self, row: outbox.OutboxRow) -> dict[str, Any]:
        if row.kind != "show":
            return self._ephemeral(replies.stray())
        outbox.renew(self.app.store, row.id, self.app.now())
        self.wake()
        return self._ephemeral(replies.outdated())

    def _about(self, root: str) -> tuple[int | None, str]:
        """The ticket or the case in whose thread something was written."""
        subject = outbox.subject_of_post(self.app.store, root) if root else ""
        found, case = re.match(r"\w+:(\d+)", subject), re.match(r"(?:case|clock):((?:SEC|BUG)-\d+)", subject)
        return (int(found.group(1)) if found else None), (case.group(1) if case else "")

    async def _people(
        self, user: str, text: str, mentions: tuple[tuple[str, str], ...], name: str = ""
    ) -> tuple[Person, ...]:
        """Who speaks and who is named: as the server just said, as the store knows, or else looked up. Raises Malformed."""
        store, exact = self.app.store, _exact(text)
        found: dict[str, Person] = {}
        resolved = dict(mentions)
        unknown = []
        for word in commands.names_in(text):
            known = store.person(resolved[word]) if word in resolved else store.person_named(word)
            if exact:
                unknown.append(word)
            elif word in resolved:
                found[word] = replace(known, name=word) if known else Person(resolved[word], word)
            elif known:
                found[word] = known
            elif word != self.me.name:
                unknown.append(word)
        speaker = store.person(user)
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                speaker = replace(speaker, name=name or speaker.name) if speaker else person(await self.rest.user(user))
                if unknown:
                    found |= {x.username: person(x) for x in await self.rest.users_by_names(unknown)}
        except (RestError, TimeoutError) as error:
            if speaker is None and getattr(error, "status", 0) == NOT_FOUND:
                raise Malformed("user_id") from error
            log.warning("people not looked up", status=getattr(error, "status", 0))
        return (*([speaker] if speaker else []), *(x for x in found.values() if x.id != user))

    async def _named(self, what: object) -> tuple[Person, ...]:
        """The person whom a dialog's user list gave by id."""
        user = getattr(what, "person", "")
        if not ID.fullmatch(user) or self.app.store.person(user):
            return ()
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                return (person(await self.rest.user(user)),)
        except (RestError, TimeoutError):
            return ()


def person(user: User) -> Person:
    """A server's user as the store knows people."""
    return Person(user.id, user.username.lower(), user.zone, user.is_bot)


def _word(line: str) -> str:
    """The word that a dialog's line begins with."""
    return line.split(maxsplit=1)[0].lower()


def _exact(line: str) -> bool:
    return commands.tidy(line).partition(" ")[0].lower() in EXACT


def _once(kind: str, *parts: str) -> str:
    """An event's id: the same request gives the same, and one without any mark of its own gives a new one."""
    if not parts[0]:
        return f"{kind}:{secrets.token_hex(16)}"
    return f"{kind}:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:40]}"
