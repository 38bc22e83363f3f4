"""The commands about people: who holds which role, who is away, and who stands in."""

from typing import Annotated, Literal

from mmbot.events.command import Command
from mmbot.events.slots import Day, Deputy, HeldRoles, People, Slot

ACTS = ("add", "remove", "default-owner", "deputy", "no-deputy", "away", "back")
Act = Literal["", "add", "remove", "default-owner", "deputy", "no-deputy", "away", "back"]


class AskPeople(Command):
    """Alone it shows the book, which everybody may read. Admins change it.

    ACT is one of `add @USER… ROLE…`, `remove @USER… ROLE…`, `default-owner @USER`, `deputy @USER @AWAY` (the first stands in for the second
    while that one is away), `no-deputy @AWAY`, `away @USER DATE` and `back @USER`; `--log` shows who changed what.
    """

    words = {"people": {}}
    summaries = {"people": "who holds which role, who is away and who stands in; admins change it"}
    examples = {"people": "people add @sam security"}

    act: Annotated[Act, Slot("act", "ACT", "What to do", choices=ACTS)] = ""
    people: People = ()
    roles: HeldRoles = ()
    day: Day = None
    log: Annotated[bool, Slot("flag", "--log")] = False


class SayAway(Command):
    """The date is the last day away. Whoever you name stands in: what is yours as owner or reviewer goes there meanwhile."""

    words = {"away": {}, "back": {"day": None, "person": ""}}
    summaries = {"away": "say that you are away, up to which day, and who stands in", "back": "you are here again"}
    examples = {"away": "away 2026-12-01 @sam", "back": "back"}

    day: Day
    person: Deputy = ""
