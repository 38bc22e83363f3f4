"""The same bot with a terminal in place of the server: write as anybody, click, move the clock, see every post."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from pydantic import ValidationError

from mmbot import commands
from mmbot.app import App
from mmbot.console_cuts import HERE, Workshop
from mmbot.console_world import CHANNEL, PLACES, Example, Post, World, about, shown, subject
from mmbot.domain.intake import Listed
from mmbot.domain.references import repository_key
from mmbot.events import (
    Command,
    Event,
    Incomplete,
    Late,
    Misread,
    PeopleNamed,
    Person,
    Pushed,
    Where,
)
from mmbot.github.submission import submission
from mmbot.messages import Button, Message, Reply, Row
from mmbot.outbox import Outbox
from mmbot.policy import Policy
from mmbot.store import cases, due, reminders
from mmbot.store import outbox as rows
from mmbot.store.database import Store
from mmbot.store.tx import MARKET, SECURITY, Settings

CASE_KEY = "ab" * 32
"""The key of the handles here: the same cases have the same ones each time."""
LATE_AFTER = 3_600_000
"""Milliseconds after which what waited for the bot is not acted on any more, unless it tells of the moment when it was written."""
HELP = """\
@USER: /mb COMMAND               type a slash command, as anybody (/mb help shows what they may do)
@USER: @mmbot TEXT               mention the bot in the channel
@USER in thread of MB-1: TEXT    the same in a ticket's thread
@USER in ~security: @mmbot TEXT  mention it in the security team's private channel
@USER to mmbot: TEXT             a direct message to the bot
@USER: !click LABEL              press the newest button of that name; add "on WORDS" to say in which post
@USER: !fill FIELD=VALUE; …      fill in the dialog that is open for them
@USER to mmbot: <<END            type several lines, such as a pasted form; a line END ends them
:time +3d   :time 2026-11-09 10:00    move the clock (s, m, h, d, w)
:repo URL REF COMMIT ID NAME VERSION [FIELD=VALUE …]    a repository that a reference can be resolved in;
                                 with REF and COMMIT only, one that holds no plugin;
                                 code=WORD: commits of one WORD differ in plugin.json at most, tree=WORD: in nothing
:listed URL ID NAME VERSION      a plugin that the Marketplace lists, in its newest version
:unlisted ID                     a plugin that the Marketplace lists no longer
:zone USER ZONE                  somebody's time zone, such as Europe/Berlin
:cut STEP fails WORDS            the next time that step of a cut fails; :cut STEP waits, and :cut STEP goes on
:cut storage loses PLATFORM       somebody deletes a bundle there; :cut storage finds PLATFORM
:cut bundle says FIELD=VALUE URL what the manifest in a repository's bundle says, in place of what it should
:down   :up                      the bot is not running, and runs again: what was written to it meanwhile waits for it
:role USER ROLE …                give somebody a further role in the configuration; :unrole takes it away
:push URL REF COMMIT FILE…         commits come to a repository
:show card MB-1   :show prompt MB-1 qa    a post as it stands now
:people     who there is          :help   this          :quit   leave"""
_SAID = re.compile(r"@([a-z0-9._-]+)(?: (in|to) ([^:]*?))?: ?(.*)", re.IGNORECASE | re.DOTALL)
_SEVERAL = "<<END"
_STEP = re.compile(r"\+(\d+(?:\.\d+)?)([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Console:
    """One line in, the transcript of what it brought about out."""

    def __init__(self, store: Store, policy: Policy, at: int, *, running: bool = False) -> None:
        self.world = World(at, lambda row: getattr(rows.row(store, row), "subject", ""), running=running)
        self.workshop = Workshop(self.world)
        self.app = App(store, Settings(security_channel=PLACES[SECURITY], cutting=HERE), self.world.now)
        self.policy = policy
        self.outbox = Outbox(self.app, self.world, {"resolve": self.world.resolve, **self.workshop.steps()}, places=1)
        self._ids = itertools.count(1)
        self._listed: dict[str, Listed] = {}
        self._begun: list[str] = []
        self._roles: dict[str, tuple[str, ...]] = {}
        self._tag = f"{at:x}"
        self._waiting: list[Callable[[], None]] | None = None
        """What was written to the bot while it was down, None while it is up."""
        if not store.state(cases.KEY):
            with store.transaction():
                store.remember(cases.KEY, CASE_KEY)
        cases.look_at_all(store, self.world.now())

    def settle(self, roles: Mapping[str, tuple[str, ...]]) -> None:
        """Give people their roles: role to user names."""
        self._roles = {role: tuple(names) for role, names in roles.items()}
        named = {role: tuple((name, self.person(name).id) for name in names) for role, names in roles.items()}
        self._event("", Where("mmbot"), PeopleNamed(roles=named))

    def person(self, name: str) -> Person:
        """Somebody of the console's world; a new name is a new person."""
        low = name.lower()
        return self.world.people.setdefault(low, Person(f"id-{low}", low))

    @property
    def unfinished(self) -> bool:
        """Whether a line of several is being typed, so that the next one belongs to it, whatever it looks like."""
        return bool(self._begun)

    async def line(self, text: str) -> list[str]:
        """Run one line; returns what could be seen of it, in order. Of several lines, the last one runs them all."""
        self.world.lines = []
        if self._begun or text.endswith(_SEVERAL):
            if text.strip() != _SEVERAL.removeprefix("<<"):
                self._begun.append(text.removesuffix(_SEVERAL))
                return []
            text, self._begun = self._begun[0] + "\n".join(self._begun[1:]), []
        if text.startswith(":"):
            await self._control(text[1:].strip())
        elif said := _SAID.fullmatch(text.strip()):
            self._speak(said.group(1), said.group(2) or "in", (said.group(3) or "").strip(), said.group(4))
        else:
            self.world.lines.append("I don't understand that line; :help shows what can be typed here.")
        await self._settle()
        return self.world.lines

    async def _control(self, text: str) -> None:  # noqa: C901 -- one arm per word
        word, _, rest = text.partition(" ")
        if word in {"unlisted", "zone", "down", "up", "cut"}:
            self._circumstances(word, rest.strip())
            return
        match word:
            case "time":
                await self._move_clock(rest.strip())
            case "repo":
                self._repository(rest.split())
            case "listed":
                self._list(rest.split())
            case "role":
                user, *further = rest.split()
                more = {role: (*self._roles.get(role, ()), user.lstrip("@")) for role in further}
                self.settle({**self._roles, **more})
            case "unrole":
                user, *fewer = rest.split()
                name = user.lstrip("@")
                less = {role: tuple(x for x in self._roles.get(role, ()) if x != name) for role in fewer}
                self.settle({**self._roles, **less})
            case "push":
                self._push(rest.split())
            case "show":
                self._show(rest.split())
            case "people":
                held = {x: ", ".join(sorted(self.app.store.roles_of(p.id))) for x, p in self.world.people.items()}
                self.world.lines += [f"@{name}{f' ({roles})' if roles else ''}" for name, roles in held.items()]
            case "help":
                self.world.lines += HELP.split("\n")
            case _:
                self.world.lines.append(f"There is no :{word}; :help shows what there is.")

    def _circumstances(self, word: str, rest: str) -> None:
        """What changes around the bot without anybody saying something."""
        match word:
            case "unlisted":
                self._listed.pop(rest.lower(), None)
                self.workshop.shelf.lose(rest)
                with self.app.store.transaction():
                    self.app.store.set_catalogue(self._listed.values())
            case "zone":
                name, zone = rest.split()
                me = replace(self.person(name.lstrip("@")), zone=zone)
                self.world.people[me.name] = me
                with self.app.store.transaction():
                    reminders.met(self.app.store, [me], self.world.now())
            case "cut":
                self._trouble(*rest.split(" ", 2))
            case "down":
                self._waiting = []
            case "up":
                self._come_up()

    def _trouble(self, step: str, what: str = "", words: str = "") -> None:
        """What goes wrong at a step of a cut: `fails WORDS`, `waits`, `goes on`; or `bundle says FIELD=VALUE URL`."""
        match what:
            case "fails":
                self.workshop.fails[step] = words
            case "waits":
                self.workshop.waits.add(step)
            case "says":
                field, _, url = words.partition(" ")
                self.workshop.bundles[url.lower()] = dict([field.split("=", 1)])
            case "loses" | "finds":  # a platform's bundle, in the storage
                change = self.workshop.shelf.lost.add if what == "loses" else self.workshop.shelf.lost.discard
                change(words)
            case _:
                self.workshop.waits.discard(step)

    async def _move_clock(self, text: str) -> None:
        if step := _STEP.fullmatch(text):
            target = self.world.now() + round(float(step.group(1)) * _UNITS[step.group(2)] * 1000)
        else:
            try:
                target = round(datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp() * 1000)
            except ValueError:
                self.world.lines.append("Move the clock with :time +3d, or :time 2026-11-09 10:00.")
                return
        while self._waiting is None and (moment := self._next_moment()) is not None and moment <= target:
            self.world.at += max(0, moment - self.world.now())
            await self._settle()
        self.world.at += target - self.world.now()
        self.world.lines.append(f"-- {datetime.fromtimestamp(target / 1000, UTC):%a %-d %b %Y, %H:%M} UTC")

    def _next_moment(self) -> int | None:
        """When something happens by itself next."""
        posts, subjects = rows.next_due(self.app.store, self.world.now()), due.next_due(self.app.store)
        return min((x for x in (posts, subjects) if x is not None), default=None)

    async def _settle(self) -> None:
        """Look at what is due, and send what there is to be sent."""
        if self._waiting is not None:
            return
        while self.app.come_due():
            pass
        await self.outbox.drain()

    def _repository(self, words: list[str]) -> None:
        if len(words) < 6 and len(words) != 3:  # noqa: PLR2004 -- what :help names
            self.world.lines.append("A repository takes URL REF COMMIT ID NAME VERSION, or the first three of them.")
            return
        url, ref, commit, *about = words
        page = url if "://" in url else f"https://{url}"
        examples = self.world.repositories.setdefault(page.lower(), [])
        if not about:
            examples.append(Example(ref, commit.ljust(40, "0")[:40], None))
            return
        plugin, name, version, *rest = about
        more = dict(x.split("=", 1) for x in rest)
        code, tree = more.pop("code", ""), more.pop("tree", "")
        manifest = {
            "id": plugin, "name": name, "version": version, "min_server_version": "6.2.1", "homepage_url": page,
            "support_url": f"{page}/issues", "release_notes_url": f"{page}/releases/tag/{ref}", "unfilled": (),
            **more,
        }  # fmt: skip
        examples.append(Example(ref, commit.ljust(40, "0")[:40], manifest, code, tree))

    def _list(self, words: list[str]) -> None:
        if len(words) != 4:  # noqa: PLR2004 -- the four that :help names
            self.world.lines.append("A listed plugin takes URL ID NAME VERSION.")
            return
        url, plugin, name, version = words
        key = repository_key(url if "://" in url else f"https://{url}")
        self._listed[plugin.lower()] = Listed(plugin, name, version, frozenset({key}))
        self.workshop.shelf.hold(plugin, name, version, url.rstrip("/").rpartition("/")[2], self.world.now())
        with self.app.store.transaction():
            self.app.store.set_catalogue(self._listed.values())

    def _push(self, words: list[str]) -> None:
        if len(words) < 3:  # noqa: PLR2004 -- the three that :help names
            self.world.lines.append("A push takes URL REF COMMIT FILE….")
            return
        url, ref, commit, *files = words
        page = url if "://" in url else f"https://{url}"
        kind: Literal["tag", "branch"] = "tag" if re.fullmatch(r"v\d.*", ref) else "branch"
        what = Pushed(
            repository=page, ref_kind=kind, ref_name=ref, commit=commit.ljust(40, "0")[:40], files=tuple(files)
        )
        self._event("", Where("github"), what)

    def _show(self, words: list[str]) -> None:
        kind, handle, *part = (*words, "", "")
        wanted = ":".join((subject(handle, kind.lower()), *(x.lower() for x in part if x)))
        found = next((x for x in self.world.posts if x.subject == wanted), None)
        self.world.lines += shown(found.message) if found else ["There is no such post."]

    def _speak(self, name: str, how: str, place: str, text: str) -> None:
        me = self.person(name)
        thread = re.search(r"([a-z]+)-(\d+)", place, re.IGNORECASE)
        ticket = int(thread.group(2)) if thread and thread.group(1).upper() == "MB" else None
        root = next((x for x in self.world.posts if thread and x.subject == subject(thread.group())), None)
        secret = root.channel == SECURITY if root else place == f"~{PLACES[SECURITY]}"
        case = thread.group().upper() if thread and root and not ticket else ""
        channel, start = PLACES[SECURITY if secret else MARKET], root.id if root else ""
        if text.startswith("!click "):
            self._click(me, text.removeprefix("!click ").strip())
        elif text.startswith("!fill"):
            self._fill(me, text.removeprefix("!fill").strip())
        elif text.startswith("/mb"):
            self._typed(me, Where("slash", channel, start), text.removeprefix("/mb").strip(), ticket)
        elif how == "to":
            self._typed(me, Where("dm", f"@{me.name}"), text, None)
        elif mention := re.match(r"@mmbot\b[,:]?\s*(.*)", text, re.DOTALL):
            where = Where("security" if secret else "mention", channel, start, f"said{next(self._ids)}")
            self._typed(me, where, mention.group(1), ticket, case)

    def _come_up(self) -> None:
        """The bot is started: what was written to it comes first, in order, then what fell due."""
        waiting, self._waiting = self._waiting or [], None
        cases.look_at_all(self.app.store, self.world.now())
        for take_in in waiting:
            take_in()

    def _typed(self, me: Person, where: Where, line: str, ticket: int | None, case: str = "") -> None:
        if self._waiting is not None:
            if where.via == "slash":
                self.world.lines.append("Nobody answers: mmbot is not running.")
                return
            at = self.world.now()
            self._waiting.append(lambda: self._read(me, where, line, ticket, case, at))
            return
        self._read(me, where, line, ticket, case, self.world.now())

    def _read(self, me: Person, where: Where, line: str, ticket: int | None, case: str, at: int) -> None:
        ids = {name: self.person(name).id for name in commands.names_in(line) if name in self.world.people}
        what: Command | Misread | Incomplete | Late = submission(line, self.policy) or commands.read(
            line or "help", self.policy, commands.Context(me.id, ticket, ids, case)
        )
        if at < self.world.now() - LATE_AFTER and not (isinstance(what, Command) and what.dated):
            what = Late(text=line[:200] or "help", what=what, until=self.world.now() - LATE_AFTER)
        self._answer(me, self._event(me.id, where, what, at))

    def _click(self, me: Person, text: str) -> None:
        if self._waiting is not None:
            self.world.lines.append("Nobody answers: mmbot is not running.")
            return
        label, _, words = text.partition(" on ")
        low = words.lower()
        fitting = [
            x
            for x in self._buttons()
            if x[2].label.rstrip("…") == label.strip('"').rstrip("…")
            and not (x[0].channel.startswith("@") and x[0].channel != f"@{me.name}")
        ]
        beside = [x for x in fitting if low and low in x[1].text.lower()]
        for post, row, button in beside or fitting:
            if (row.text and low in row.text.lower()) or low in f"{about(post.subject)} {post.message.text}".lower():
                ids = {name: person.id for name, person in self.world.people.items()}
                what = commands.read(button.line, self.policy, commands.Context(me.id, None, ids))
                self._answer(me, self._event(me.id, Where("click", post.channel, post.root, post.id), what))
                return
        self.world.lines.append(f"There is no button {label}.")

    def _buttons(self) -> Iterator[tuple[Post, Row, Button]]:
        for post in reversed(self.world.posts):
            for row in post.message.rows:
                for button in row.buttons:
                    yield post, row, button

    def _fill(self, me: Person, text: str) -> None:
        if self._waiting is not None:
            self.world.lines.append("Nobody answers: mmbot is not running.")
            return
        dialog = self.world.dialogs.get(me.name)
        if dialog is None:
            self.world.lines.append(f"No dialog is open for {me.name}.")
            return
        answers = dict(part.strip().split("=", 1) for part in text.split(";") if "=" in part)
        asked = {x.name for x in dialog.questions if x.kind == "person"}
        answers = {name: self.person(x.lstrip("@")).id if name in asked else x for name, x in answers.items()}
        context = commands.Context(me.id, None, {name: p.id for name, p in self.world.people.items()})
        try:
            what = commands.filled(dialog.line.split()[0], dialog.line, answers, self.policy, context)
        except ValidationError as error:
            self._answer(me, Reply(commands.said_wrong(error)))
            return
        reply = self._event(me.id, Where("dialog", CHANNEL), what)
        if reply is None:
            del self.world.dialogs[me.name]
        self._answer(me, reply)

    def _event(self, by: str, where: Where, what: object, at: int | None = None) -> Reply | None:
        people, at = tuple(self.world.people.values()), self.world.now() if at is None else at
        event = Event(f"console:{self._tag}:{next(self._ids)}", by, at, where, what, people)  # type: ignore[arg-type]  # any happening
        return self.app.handle(event)

    def _answer(self, me: Person, reply: Reply | None) -> None:
        if reply is None:
            return
        if reply.dialog:
            self.world.dialogs[me.name] = reply.dialog
            fields = [
                f"  {q.name}{' (optional)' if q.optional else ''}: {_asked(q.choices, q.label)}"
                for q in reply.dialog.questions
            ]
            self.world.lines += [
                f"mmbot opens a dialog for @{me.name}: {reply.dialog.title}",
                *(f"    {x}" for x in shown(Message(reply.dialog.intro))),
                *(f"  {x}" for x in fields),
            ]
            return
        self.world.say(f"(only @{me.name})", Message(reply.text, reply.rows))


def _asked(choices: tuple[tuple[str, str], ...], label: str) -> str:
    return f"{label}: {' | '.join(value for value, _ in choices)}" if choices else label
