"""The items of a checklist: which requirement each one means, and what is claimed and remarked about it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mmbot.github.issue_sheet import Item, Said, Sheet, Track
from mmbot.github.issue_text import LONGEST_TEXT, cut, is_of_template, sentences, words

EVERY_ITEM = "*"  # the item of an update that speaks for all requirements of a new plugin
_EVERY = re.compile(
    r"(?:yes )?all (?:\w+ ){0,3}requirements (?:(?!not |\w+n t |never ).)*?\b(?:met|fulfilled|satisfied)\b"
)
_EXCEPT = re.compile(r"\b(?:except|but|apart from|other than|not)\b", re.IGNORECASE)
_TAIL = re.compile(
    r"\s(?:[-–—]+>?|=>|→|//)\s|[:;]\s|\s(?=\(|https?://)"  # noqa: RUF001 - a dash typed by a phone
    r"|[,\s]\s?(?=\(?(?:n/a|not applicable|except|apart from|but|however|only|not yet|planned|todo)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Claim:
    """What the submitter says of one item: `raw` is what stood in the brackets, `remark` their own prose about it."""

    handle: str
    said: Said
    raw: str
    remark: str


@dataclass(frozen=True)
class Book:
    """The policy's phrases, as plain words, and the items of both tracks."""

    phrases: Mapping[str, tuple[str, ...]]
    new: tuple[str, ...]
    update: tuple[str, ...]

    def track(self, title: str, sheet: Sheet) -> Track:
        """Tell the track by the title, else by items that only updates have, else by headings, else by the other items."""
        if said := re.search(r"\b(?:(add|new)|update)\b", title):
            return "new" if said[1] else "update"
        heads = [item.head for item in sheet.items]
        of_update = [handle for handle in self.update if handle not in self.new]
        if any(self.find(head, of_update) and not self.find(head, self.new) for head in heads):
            return "update"
        if any(_EVERY.match(words(head)) for head in heads):
            return "update"
        if len(sheet.headed) == 1:
            return next(iter(sheet.headed))
        return "new" if any(self.find(head, self.new) for head in heads) else ""

    def find(self, text: str, handles: Iterable[str]) -> str:
        """The handle whose phrase stands in the text, the longest phrase first, then the earliest; "" when none does."""
        plain = f" {words(text)}"
        best = max(
            ((len(known), -plain.find(f" {known}"), handle) for handle in handles for known in self.phrases.get(handle, ())
             if known and f" {known}" in plain),
            default=None,
        )  # fmt: skip
        return best[2] if best else ""

    def recognise(self, item: Item, track: Track) -> str:
        """The handle of an item; "" when unknown. In an update its own items win over those of a new plugin."""
        own = [handle for handle in self.update if handle not in self.new] if track == "update" else []
        if _EVERY.match(words(item.head)):
            return EVERY_ITEM
        first = "".join(sentences(item.head)[:1])  # a remark after it may name other items
        for text in dict.fromkeys([first, item.head, item.whole]):
            if handle := self.find(text, own) or self.find(text, self.new):
                return handle
        return ""

    def claims(self, sheet: Sheet, track: Track) -> tuple[Claim, ...]:
        """What is claimed, in the order of the text; unknown items go to the sheet's `unread`."""
        made: dict[str, Claim] = {}
        for item in sheet.items:
            handle = self.recognise(item, track)
            if not handle:
                sheet.unread.append((item.line, f"[{item.raw}] {item.whole}"))
                continue
            claim = Claim(handle, item.said, item.raw, self.remark(item, handle))
            before = made.get(handle)
            made[handle] = _both(before, claim) if before else claim
        every = made.get(EVERY_ITEM)
        if not every:
            return tuple(made.values())
        rest = [handle for handle in self.new if handle not in made]
        if not rest:
            sheet.unread.append((-1, f"[{every.raw}] all requirements {every.remark}"))
        doubted: Iterable[str] = ()
        if _EXCEPT.search(every.remark):
            remark = f" {words(every.remark)} "
            doubted = [h for h in rest if f" {h.lower()} " in remark or self.find(remark, [h])] or rest
        spread = [
            Claim(h, "unclear" if h in doubted and every.said == "yes" else every.said, every.raw, every.remark)
            for h in rest
        ]
        return tuple(c for claim in made.values() for c in (spread if claim is every else [claim]))

    def remark(self, item: Item, handle: str) -> str:
        """What the submitter wrote beside and below the requirement."""
        mine: list[str] = []
        parts = list(sentences(item.head))
        stated = next((n for n, sentence in enumerate(parts) if self._states(sentence, handle)), 0)
        for number, sentence in enumerate(parts):
            if number == stated or is_of_template(sentence):
                mine += self._tail(sentence, handle)
            else:
                mine.append(sentence)
        for text in item.below:
            mine += [sentence for sentence in sentences(text) if not is_of_template(sentence)]
        return cut(" ".join(mine).strip(), LONGEST_TEXT)

    def _states(self, sentence: str, handle: str) -> bool:
        return bool(_EVERY.match(words(sentence)) if handle == EVERY_ITEM else self.find(sentence, [handle]))

    def _tail(self, sentence: str, handle: str) -> list[str]:
        """What follows a dash, a colon or a word like "except" after the requirement, within its sentence."""
        for mark in list(_TAIL.finditer(sentence))[:20]:
            before, after = sentence[: mark.start()], sentence[mark.end() :].strip()
            if after and (self._states(before, handle) or is_of_template(before)) and not is_of_template(after):
                return [after]
        return []


def _both(first: Claim, second: Claim) -> Claim:
    agreed = first.said == second.said
    remark = cut(" ".join(filter(None, (first.remark, second.remark))), LONGEST_TEXT)
    return Claim(
        first.handle, first.said if agreed else "unclear", first.raw if agreed else f"{first.raw}|{second.raw}", remark
    )
