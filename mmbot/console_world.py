"""The world of the console: its people, posts, repositories and clock. It shows what is posted and resolves references."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mmbot.events import Person, ReferenceResolved
from mmbot.github.difference import Difference, version_diff
from mmbot.messages import Dialog, Message, PostGone
from mmbot.store.tx import MARKET, SECURITY
from mmbot.words.phrases import LESS, MB

CHANNEL = "plugins-marketplace"
PLACES = {MARKET: CHANNEL, SECURITY: "security"}
"""The channels' names here; the second one is the security team's private one."""
_LINK = re.compile(r"\[([^\]]*)\]\(https?://[^)]*\)")


@dataclass
class Post:
    """A post of the bot. `channel` is a place or a person's `@name`, `root` the post whose thread it is in."""

    id: str
    channel: str
    root: str
    message: Message
    subject: str


@dataclass
class Example:
    """A repository of the console's world: what a reference in it is resolved to."""

    ref: str
    commit: str
    manifest: Mapping[str, object] | None
    code: str = ""
    tree: str = ""

    def files(self) -> dict[str, bytes]:
        """What the repository holds there: the manifest, and one file that stands for all its code."""
        manifest = {"plugin.json": json.dumps(self.manifest, indent=1).encode()} if self.manifest else {}
        return {**manifest, "server/plugin.go": (self.code or self.commit).encode()}

    def tree_id(self) -> str:
        """A name for all of that."""
        return hashlib.sha1((self.tree or repr(self.files())).encode(), usedforsecurity=False).hexdigest()


@dataclass
class World:
    """The people, posts and repositories of the console, and its clock; it is the outbox's voice and resolves references."""

    at: int
    subject_of: Callable[[int], str]
    people: dict[str, Person] = field(default_factory=dict)
    repositories: dict[str, list[Example]] = field(default_factory=dict)
    posts: list[Post] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    dialogs: dict[str, Dialog] = field(default_factory=dict)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    running: bool = False

    def now(self) -> int:
        """The console's time in milliseconds UTC; in a terminal it goes on by itself."""
        passed = datetime.now(UTC) - self.started if self.running else timedelta()
        return self.at + round(passed.total_seconds() * 1000)

    async def direct(self, person: str) -> str:
        """A direct channel, by the person's name."""
        return f"@{self.name(person)}"

    async def post(self, channel: str, root: str, message: Message, row: int, key: str) -> tuple[str, str]:  # noqa: ARG002 -- a Voice's
        """Show a new post."""
        post = Post(f"post{self.at:x}-{len(self.posts) + 1}", channel, root, message, self.subject_of(row))
        self.posts.append(post)
        self.say(self._place(post), message)
        return channel, post.id

    async def newest(self, channel: str) -> tuple[str, str]:
        """Nothing is ever looked for here."""
        return channel, ""

    async def find(self, channel: str, key: str, anchor: str) -> tuple[str, str] | None:  # noqa: ARG002 -- a Voice's
        """Nothing is ever half done here."""
        return None

    async def edit(self, channel: str, message: Message, post: str, row: int, key: str) -> None:  # noqa: ARG002 -- a Voice's
        """Show what is new in a post."""
        edited = next((x for x in self.posts if x.id == post), None)
        if edited is None:
            raise PostGone
        before, edited.message = set(shown(edited.message)), message
        changed = [line for line in shown(message) if line not in before]
        self.lines += (
            [f"mmbot updates {about(edited.subject)}:", *(f"    {line}" for line in changed)] if changed else []
        )

    async def resolve(self, arguments: Mapping[str, object], _tries: int) -> ReferenceResolved:
        """What a reference means in the console's own repositories."""
        repository = str(arguments["repository"])
        question: dict[str, Any] = {
            "ticket": int(str(arguments["ticket"])), "text": str(arguments["text"]), "repository": repository,
            "asked_at": int(str(arguments.get("asked_at", 0))), "purpose": str(arguments.get("purpose", "")),
            "since": str(arguments.get("since", "")), "since_version": str(arguments.get("since_version", "")),
        }  # fmt: skip
        known = self.repositories.get(repository.lower(), [])
        kind, name = str(arguments["kind"]), str(arguments["name"])
        found = next(
            (
                x
                for x in reversed(known)
                if name in {"", x.ref.lstrip("#")} or (re.fullmatch("[0-9a-f]{7,}", name) and x.commit.startswith(name))
            ),
            None,
        )
        if found is None:
            why = f"I can't read {repository}: there is no such repository, or it isn't public."
            if known:
                why = f"{repository} has no branch or tag `{name}`. Look up how it is spelled there."
            return ReferenceResolved(**question, why=why)
        ref = ("tag" if re.fullmatch(r"v?\d.*", found.ref) else "branch", found.ref)
        if kind == "default":
            ref = ("default", "main")
        elif name and name not in found.ref:
            ref = ("commit", "")
        elif found.ref.startswith("#"):
            ref = ("pull", name)
        problem = "" if found.manifest else "There is no plugin.json in the top folder."
        differs = self._difference(str(arguments.get("since", "")), str(arguments.get("since_version", "")), found)
        return ReferenceResolved(
            **question,
            ref_kind=ref[0], ref_name=ref[1], commit=found.commit,
            tree=found.tree_id(), **vars(differs), manifest=found.manifest, manifest_problem=problem,
            evidence={"license": "LICENSE", "security": "SECURITY.md"},
        )  # fmt: skip

    def _difference(self, since: str, version: str, to: Example) -> Difference:
        """What differs between two commits of the console's repositories."""
        start = next((x for known in self.repositories.values() for x in known if x.commit == since), None)
        if start is None or start.tree_id() == to.tree_id():
            return Difference()
        old, new = start.files(), to.files()
        pairs = {path: (old.get(path), new.get(path)) for path in sorted(old.keys() | new.keys())}
        pairs = {path: both for path, both in pairs.items() if both[0] != both[1]}
        known = all(both[0] and both[1] for both in pairs.values()) and to.manifest is not None
        diff = version_diff(pairs, version, str(to.manifest["version"])) if known and to.manifest else ""
        return Difference(tuple(pairs), version_only=bool(diff), diff=diff)

    def name(self, person: str) -> str:
        """A user's name by id."""
        return next((x.name for x in self.people.values() if x.id == person), person.removeprefix("id-"))

    def say(self, place: str, message: Message) -> None:
        """Write a message into the transcript."""
        first, *rest = shown(message)
        self.lines += [f"mmbot {place}: {first}", *(f"    {line}" for line in rest)]

    def _place(self, post: Post) -> str:
        if post.channel.startswith("@"):
            return f"to {post.channel}"
        root = next((x for x in self.posts if x.id == post.root), None)
        if root:
            return f"in thread of {about(root.subject).removeprefix('the card of ')}"
        return f"in ~{PLACES.get(post.channel, post.channel)}" if not post.root else "in thread"


def shown(message: Message) -> list[str]:
    """A message as lines of text, buttons in brackets."""
    lines = _LINK.sub(r"\1", message.text.replace(MB, "/mb").replace(LESS, "<").replace("\u200b", "")).split("\n")
    for row in message.rows:
        buttons = " ".join(f"[ {button.label} ]" for button in row.buttons)
        lines.append(f"{row.text} {buttons}".strip())
    return lines


def about(subject: str) -> str:
    """What a post shows, in words: `the card of MB-1`."""
    kind, _, rest = subject.partition(":")
    number, _, part = rest.partition(":")
    if kind == "case":
        return f"the card of {number}"
    if kind == "cut":
        return f"the post of cut {number}"
    return f"the {kind} of MB-{number}" + (f" {part}" if part else "")


def subject(handle: str, kind: str = "card") -> str:
    """What shows something: `card:1` for MB-1, `case:SEC-1` for SEC-1."""
    number = handle.upper().removeprefix("MB-")
    return f"{kind}:{number}" if number.isdecimal() else f"case:{number}"
