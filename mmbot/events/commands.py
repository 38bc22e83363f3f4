"""Every request that a person can make, in the order in which help shows them."""

from mmbot.events.asking import AskHelp, AskQueue, AskReport, AskSearch, AskStatus
from mmbot.events.cases import CASES
from mmbot.events.command import Command
from mmbot.events.cuts import CUTS
from mmbot.events.intake import ChooseTrack, Contribute, EditTicket, Resubmit, Submit
from mmbot.events.people import AskPeople, SayAway
from mmbot.events.reminders import AskReminders, Forget, Mute, Remind, Snooze
from mmbot.events.reviews import (
    AddNote,
    Assign,
    Block,
    GiveVerdict,
    JudgeItem,
    MoveReview,
    RequestReviews,
    SayReady,
    SettleFinding,
)
from mmbot.events.way import AskNext, EndTicket, HoldTicket, Hurry, TakeStep, UndoStep

COMMANDS: tuple[type[Command], ...] = (
    Submit, Contribute, Resubmit, ChooseTrack, EditTicket, Assign, RequestReviews, JudgeItem, Block, SettleFinding, AddNote,
    GiveVerdict, MoveReview, SayReady,
    TakeStep, UndoStep, AskNext, EndTicket, HoldTicket, Hurry, AskStatus, AskQueue, AskSearch, AskReport, Snooze, Mute, Remind,
    AskReminders, Forget, AskPeople, SayAway, *CUTS, *CASES, AskHelp,
)  # fmt: skip
