"""A store with many tickets, made by the store's own code and kept for the next run in a temporary folder."""

import hashlib
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench import ROOT
from mmbot import policy as policies
from mmbot.domain import facts as f
from mmbot.domain import review
from mmbot.domain.ticket import Ticket
from mmbot.events import Person
from mmbot.policy import Policy
from mmbot.store import outbox
from mmbot.store.database import Store
from mmbot.store.tx import MARKET

BATCH = 2_000
START = 1_609_459_200_000
"""The first ticket's time: the beginning of 2021, in milliseconds UTC. The others follow each half an hour."""
HALF_AN_HOUR = 1_800_000
LONG = 0.25
"""The share of tickets that went through a review (10 to 40 facts); the others ended soon, or nobody has begun."""
PLUGINS = 30_000
SUBMITTERS = 2_000
REVIEWERS = {"product": 3, "dev": 6, "security": 4, "qa": 5}
OWNERS = 6
ALPHABET = "ybndrfg8ejkmcpqxot1uwisza345h769"
SYLLABLES = ("ba", "cor", "den", "fi", "gra", "hol", "ja", "ki", "lum", "mer", "no", "pre", "qui", "ro", "sta", "tu", "ven",
             "wi", "zo")  # fmt: skip


def identifier(seed: str) -> str:
    """Twenty-six characters, as a Mattermost server makes them; the same for the same seed."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:17], "big")
    return "".join(ALPHABET[number >> 5 * place & 31] for place in range(26))


def name_of(ticket: int) -> str:
    """The name of a ticket's plugin; each plugin has a ticket every 30,000."""
    plugin, parts = ticket % PLUGINS, []
    for _ in range(4):
        plugin, which = divmod(plugin, len(SYLLABLES))
        parts.append(SYLLABLES[which])
    return "".join(parts).capitalize()


@cache
def people(role: str) -> tuple[str, ...]:
    """The user ids of a role, or of the submitters."""
    counts = {**REVIEWERS, "owner": OWNERS, "submitter": SUBMITTERS}
    return tuple(identifier(f"{role} {n}") for n in range(counts[role]))


@dataclass
class _Life:
    """One ticket's way, told by the domain's own functions."""

    dice: random.Random
    ticket: Ticket
    at: int

    def by(self, who: str) -> dict[str, str | int]:
        """Who, when and from where, of the next fact: some minutes to hours after the one before."""
        self.at += self.dice.randrange(60_000, 20 * 3_600_000)
        return {"by": who, "at": self.at, "via": f"slash:{identifier('market')}"}

    def often(self, share: float) -> bool:
        """Whether something that happens to this share of tickets happens to this one."""
        return self.dice.random() < share

    def add(self, *facts: f.AnyFact) -> None:
        """Let something happen."""
        self.ticket = self.ticket.plus(*facts)

    def submitted(self, person: str = "") -> None:
        """Handed in, by this person or any, with an owner, and a reference that was resolved but for some."""
        dice, policy = self.dice, self.ticket.policy
        plugin = self.ticket.number % PLUGINS
        name, submitter = name_of(plugin), person or dice.choice(people("submitter"))
        link = f"https://github.com/{name.lower()}-makers/mattermost-plugin-{name.lower()}"
        version = f"{dice.randrange(4)}.{dice.randrange(20)}.{dice.randrange(10)}"
        handles = list(policy.of(policy.current).items)
        filled = self.often(0.4)
        claims = tuple(f.Claim(handle=x, said="yes", raw=f"- [x] {x} is fulfilled") for x in handles if filled)
        self.add(
            f.Submitted(
                requirements=policy.current, title=f"{name} {version}", claims=claims, track=dice.choice(("", "new", "update")),
                summary="Reminds people of what they wanted to do. " * dice.randrange(1, 8), **self.by(submitter),
            ),
            f.ReferenceGiven(text=f"{link} v{version}", repository=link, ref_kind="name", ref_name=f"v{version}", **self.by(submitter)),
            f.Assigned(role="owner", person=dice.choice(people("owner")), at=self.at),
        )  # fmt: skip
        if self.often(0.06):
            self.add(f.Unresolved(text=link, why="There is no such tag in the repository.", at=self.at + 900))
            return
        self.resolved(f"{plugin:05}", name, version)

    def resolved(self, plugin: str, name: str, version: str) -> None:
        """The reference means this commit."""
        asked = self.ticket.asked
        if asked is None:
            return
        page = asked.repository
        self.add(
            f.Resolved(
                text=asked.text, repository=page, ref_kind="tag", ref_name=f"v{version}", commit=f"{self.dice.getrandbits(160):040x}",
                tree=f"{self.dice.getrandbits(160):040x}", plugin_id=f"com.example.p{plugin}", name=name, version=version,
                min_server_version="6.2.1", homepage_url=page, support_url=f"{page}/issues",
                release_notes_url=f"{page}/releases/tag/v{version}", evidence={"license": "LICENSE", "security": "SECURITY.md"},
                track=self.dice.choice(("new", "update", "update")), at=self.at + 1_200,
            )
        )  # fmt: skip

    def reviewed(self) -> None:
        """Reviews: requested, taken, item by item, some with findings and a second commit, some up to the open gate."""
        dice, ticket = self.dice, self.ticket
        if not ticket.commit:
            return
        for role in ticket.roles:
            self.add(f.Requested(role=role, **self.by(ticket.owner)))
        how_far = dice.random()
        for role in ticket.roles:
            if self.often(how_far):
                self._role(role, dice.choice(people(role)), how_far)
        if review.findings(self.ticket):
            if self.often(0.7):
                self.add(f.ReadySaid(findings=tuple(range(1, 100)), **self.by(ticket.submitter)))
            if self.often(0.5):
                self.moved()

    def moved(self) -> None:
        """Another commit, at which some say that what they decided holds."""
        before, found = self.ticket, self.ticket.resolved
        if found is None:
            return
        self.add(
            f.ReferenceGiven(text="v9.9.9", repository=found.repository, ref_kind="name", ref_name="v9.9.9", **self.by(before.submitter)),
        )  # fmt: skip
        self.resolved(found.plugin_id[-5:], found.name, "9.9.9")
        for role in before.roles:
            if review.held(self.ticket, role) and self.often(0.6):
                who = self.by(before.review(role).reviewer)
                self.ticket = review.reconsidered(self.ticket, role, "holds", **who)  # type: ignore[arg-type]  # by, at, via

    def finished(self) -> None:
        """Listed where every role approved; else rejected, withdrawn or a duplicate."""
        if review.gate(self.ticket).open:
            self.add(f.StepDone(step="listed", commit=self.ticket.commit, **self.by(self.ticket.owner)))
            return
        ending = ("duplicate", "rejected", "withdrawn")[self.ticket.number % 3]
        self.add(f.Ended(ending=ending, of=max(1, self.ticket.number - 1), **self.by("")))

    def _role(self, role: str, person: str, how_far: float) -> None:
        self.add(f.Assigned(role=role, person=person, **self.by(person)))
        for item in self.ticket.items_of(role):
            if not self.often(how_far):
                continue
            bad = self.often(0.1)
            why = "nothing is logged when the token expires" if bad else ""
            self.ticket = review.judged(
                self.ticket, [item.handle], "failed" if bad else "passed", why, **self.by(person)  # type: ignore[arg-type]
            )  # fmt: skip
        if self.often(0.2):
            self.add(f.NoteAdded(text="The author is away until Monday.", **self.by(person)))
        if not review.findings(self.ticket, role) and not review.undecided(self.ticket, role):
            self.ticket = review.approved(self.ticket, role, **self.by(person))  # type: ignore[arg-type]  # by, at, via


def _tickets(policy: Policy, count: int) -> Iterator[Ticket]:
    dice = random.Random(7)  # noqa: S311 -- the same tickets each time is what is wanted
    for number in range(1, count + 1):
        life = _Life(dice, Ticket(number, policy), START + number * HALF_AN_HOUR)
        life.submitted()
        long = life.often(LONG)
        if long:
            life.reviewed()
        elif life.often(0.2):
            life.add(f.NoteAdded(text="Is this the same as the one before?", **life.by(life.ticket.owner)))
        if not life.often(0.3 if long else 0.04):
            life.finished()
        yield life.ticket


def _posts(store: Store, ticket: Ticket) -> None:
    """What a ticket leaves in the outbox: the rows that show its card and its checklists, and some messages, all sent."""
    subjects = [f"card:{ticket.number}"]
    subjects += [f"prompt:{ticket.number}:{x}" for x in ticket.roles if ticket.review(x).requested_at]
    for subject in subjects:
        outbox.show(store, subject, MARKET, "" if subject == subjects[0] else subjects[0], ticket.changed_at)
        row = outbox.post_of(store, subject)
        if row:
            outbox.sent(store, row, identifier("market"), identifier(subject), "0" * 64)


def source_hash() -> str:
    """What the stored form and this file depend on, as sixteen hexadecimal digits."""
    files = [
        *ROOT.glob("mmbot/store/*.py"),
        *ROOT.glob("mmbot/domain/*.py"),
        ROOT / "mmbot" / "policy.toml",
        Path(__file__),
    ]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def store_of(count: int) -> Path:
    """The path of a store with so many tickets, made now unless an earlier run left it. It is to be copied, not written."""
    folder = Path(tempfile.gettempdir()) / f"mmbot-bench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    place = folder / f"{source_hash()}-{count}.db"
    if place.exists():
        return place
    for stale in folder.glob("*.db*"):
        if not stale.name.startswith(source_hash()):
            stale.unlink()
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, transient=not sys.stdout.isatty()) as progress:
        bar = progress.add_task(f"a store of {count:,} tickets", total=count)
        half_made = place.with_suffix(".db-new")
        for old in folder.glob(f"{half_made.name}*"):
            old.unlink()
        _fill(half_made, count, lambda: progress.advance(bar))
    for beside in ("-wal", "-shm", ".lock"):
        half_made.with_name(half_made.name + beside).unlink(missing_ok=True)
    half_made.rename(place)
    return place


def _fill(place: Path, count: int, done: Callable[[], None]) -> None:
    store = Store(place, policies.load())
    store.execute("PRAGMA synchronous = OFF")
    with store.transaction():
        book = [(role, x) for role in (*REVIEWERS, "owner", "submitter") for x in people(role)]
        store.know(Person(x, f"{role}-{n}") for n, (role, x) in enumerate(book))
        store.set_roles((role, x, x) for role, x in book if role != "submitter")
    tickets = _tickets(store.policy, count)
    for _ in range(0, count, BATCH):
        with store.transaction():
            for _, ticket in zip(range(BATCH), tickets, strict=False):
                event = f"slash:{ticket.number:040x}"
                store.first_time(event, ticket.opened_at)
                store.save(ticket, event)
                _posts(store, ticket)
                done()
    store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.close()


def copy(count: int, folder: Path) -> Path:
    """A store with so many tickets that may be written, in this folder."""
    place = folder / f"{count}.db"
    for beside in ("", "-wal", "-shm"):
        place.with_name(place.name + beside).unlink(missing_ok=True)
    shutil.copyfile(store_of(count), place)
    return place


def adopt(store: Store, person: str, count: int) -> None:
    """Give somebody so many tickets of their own, newly handed in."""
    dice = random.Random(8)  # noqa: S311 -- the same tickets each time is what is wanted
    with store.transaction():
        for _ in range(count):
            number = store.next_number()
            life = _Life(dice, Ticket(number, store.policy), START + number * HALF_AN_HOUR)
            life.submitted(person)
            store.save(life.ticket, f"slash:{number:040x}")
