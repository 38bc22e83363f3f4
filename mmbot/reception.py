"""A request at one of the doors becomes an Event, and its Reply becomes what the server or the terminal shows."""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog
from pydantic import ValidationError

from mmbot import commands, replies
from mmbot.app import App
from mmbot.events import Command, Event, Incomplete, Misread, Person, Where
from mmbot.github.submission import submission
from mmbot.mattermost import render
from mmbot.mattermost.callbacks import Click, Said, Slash, Submission
from mmbot.mattermost.client import RestError
from mmbot.mattermost.rest import Rest
from mmbot.mattermost.values import User
from mmbot.messages import Reply
from mmbot.store import outbox

log = structlog.get_logger()


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
    _mention: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        self._mention = re.compile(rf"(?:^|(?<=\s))@{re.escape(self.me.name)}(?![a-z0-9._-])[,:]?\s*", re.IGNORECASE)

    async def slash(self, asked: Slash) -> dict[str, Any]:
        """Answer a slash command: only its author sees the answer."""
        people = await self._people(asked.user_id, asked.text, asked.mentions)
        ticket = self._ticket_of(asked.root_id)
        what = self._read(asked.text or "help", asked.user_id, ticket, people)
        where = Where("slash", asked.channel_id, asked.root_id)
        reply = self._handle(
            Event(_once("slash", asked.trigger_id), asked.user_id, self.app.now(), where, what, people)
        )
        text = await self._shown(reply, asked.user_id, asked.trigger_id)
        return {"response_type": "ephemeral", "text": text, "skip_slack_parsing": True}

    async def click(self, asked: Click) -> dict[str, Any]:
        """Answer a pressed button. Raises render.Forged."""
        row_id, line, old = render.clicked(asked.context, self.secret, self.app.now())
        row = outbox.row(self.app.store, row_id)
        if row is None or row.post != asked.post_id:
            raise render.Forged
        if old:
            outbox.show(
                self.app.store, row.subject, row.channel, row.thread, self.app.now()
            ) if row.kind == "show" else None
            self.wake()
            return self._ephemeral(replies.outdated())
        people = await self._people(asked.user_id, "", ())
        what = self._read(line, asked.user_id, None, people)
        if isinstance(what, Misread):
            return self._ephemeral(replies.outdated())
        where = Where("click", asked.channel_id, "", asked.post_id)
        reply = self._handle(
            Event(_once("click", asked.trigger_id), asked.user_id, self.app.now(), where, what, people)
        )
        return self._ephemeral(await self._shown(reply, asked.user_id, asked.trigger_id))

    async def dialog(self, asked: Submission) -> dict[str, Any]:
        """Take in a filled-in dialog: errors go back into it, the answer goes by direct message. Raises render.Forged."""
        line, nonce = render.dialog_state(asked.state, asked.user_id, self.secret, self.app.now())
        if asked.cancelled:
            return {}
        people = await self._people(asked.user_id, "", ())
        context = commands.Context(asked.user_id, None, {x.name: x.id for x in people})
        try:
            what = commands.filled(line.split()[0], line, asked.answers, self.app.store.policy, context)
        except ValidationError as error:
            return {
                "errors": {
                    str(x["loc"][0]): x["msg"] for x in error.errors(include_input=False, include_url=False) if x["loc"]
                }
            }
        named = await self._named(what)
        once = _once("dialog", nonce, repr(sorted(asked.answers.items())))
        reply = self._handle(
            Event(once, asked.user_id, self.app.now(), Where("dialog", asked.channel_id), what, (*people, *named))
        )
        if reply and reply.errors:
            return {
                "errors": {name: self._plain(text) for name, text in reply.errors if name in type(what).model_fields}
            }
        if reply:
            self.app.answer_by_message(asked.user_id, reply)
            self.wake()
        return {}

    async def said(self, post: Said) -> None:
        """Take in a post: a direct message, or one that mentions the bot; everything else is not for us."""
        if post.by_machine or post.user_id == self.me.id:
            return
        direct = post.channel_type == "D"
        mention = self._mention.search(post.message)
        if not direct and not mention:
            return
        line = post.message[mention.end() :] if mention else post.message
        people = await self._people(post.user_id, line, ())
        ticket = self._ticket_of(post.root_id)
        what = submission(line, self.app.store.policy) or self._read(
            line.strip() or "help", post.user_id, ticket, people
        )
        where = Where("dm" if direct else "mention", post.channel_id, post.root_id, post.post_id)
        self._handle(Event(f"post:{post.post_id}", post.user_id, post.create_at, where, what, people))

    def _read(
        self, line: str, user: str, ticket: int | None, people: Iterable[Person]
    ) -> Command | Misread | Incomplete:
        known = {x.name: x.id for x in people}
        for name in commands.names_in(line):
            if name not in known and (person := self.app.store.person_named(name)):
                known[name] = person.id
        return commands.read(line, self.app.store.policy, commands.Context(user, ticket, known))

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
                return self._plain(
                    replies.dialog_failed(reply.dialog.line.split()[0], commands.usage(reply.dialog.line.split()[0]))
                )
            return ""
        return self._plain(reply.text)

    def _plain(self, text: str) -> str:
        return render.text(text, self.trigger)

    def _ephemeral(self, text: str) -> dict[str, Any]:
        return {"ephemeral_text": self._plain(text), "skip_slack_parsing": True}

    def _ticket_of(self, root: str) -> int | None:
        subject = outbox.subject_of_post(self.app.store, root) if root else ""
        found = re.match(r"\w+:(\d+)", subject)
        return int(found.group(1)) if found else None

    async def _people(self, user: str, text: str, mentions: tuple[tuple[str, str], ...]) -> tuple[Person, ...]:
        """Who speaks and who is named: from the store where known, else by one bounded call each."""
        found: dict[str, Person] = {}
        if known := self.app.store.person(user):
            found[known.name] = known
        else:
            try:
                speaker = person(await self.rest.user(user))
                found[speaker.name] = speaker
            except RestError as error:
                log.warning("person not looked up", status=error.status)
        unknown = []
        for name in commands.names_in(text):
            if known := self.app.store.person_named(name):
                found[name] = known
            elif name != self.me.name:
                unknown.append(name)
        for name, user_id in mentions:
            if name in unknown:
                found[name] = Person(user_id, name)
                unknown.remove(name)
        if unknown:
            try:
                found |= {x.username: person(x) for x in await self.rest.users_by_names(unknown)}
            except RestError as error:
                log.warning("people not looked up", status=error.status)
        return tuple(found.values())

    async def _named(self, what: object) -> tuple[Person, ...]:
        """The person whom a dialog's user list gave by id."""
        user = getattr(what, "person", "")
        if not user or self.app.store.person(user):
            return ()
        try:
            return (person(await self.rest.user(user)),)
        except RestError:
            return ()


def person(user: User) -> Person:
    """A server's user as the store knows people."""
    return Person(user.id, user.username.lower(), user.zone, user.is_bot)


def _once(kind: str, *parts: str) -> str:
    """An event's id: the same request gives the same, and one without any mark of its own gives a new one."""
    if not parts[0]:
        return f"{kind}:{secrets.token_hex(16)}"
    return f"{kind}:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:40]}"
