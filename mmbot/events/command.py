"""What all requests have in common."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from mmbot.domain.rights import Who


class Command(BaseModel):
    """A request of a person, the same value whether typed, clicked or filled into a dialog. The docstring is its help."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: ClassVar[Mapping[str, Mapping[str, object]]] = {}
    """The words that start it, each with the fields it fixes."""
    summaries: ClassVar[Mapping[str, str]] = {}
    examples: ClassVar[Mapping[str, str]] = {}
    who: ClassVar[Who] = "anyone"
    reads: ClassVar[bool] = False
    """Whether it changes nothing: then nothing is written, not even that it was seen."""
    dated: ClassVar[bool] = False
    """Whether it tells of something that was true when it was written: then it counts, however late it is read."""
    whos: ClassVar[Mapping[str, Who]] = {}
    """Who may, for the words to which another right belongs than to the rest."""
    must: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Fields that a word needs although the value has a default for them."""

    @classmethod
    def right(cls, word: str) -> Who:
        """Who may use one of its words."""
        return cls.whos.get(word, cls.who)
