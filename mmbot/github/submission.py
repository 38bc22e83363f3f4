"""A pasted issue form as the command that hands it in."""

from mmbot.commands import WORDS
from mmbot.domain.facts import Claim
from mmbot.events import Misread, Submit
from mmbot.github.issue_form import FormTooLong, looks_like_form, parse_form
from mmbot.policy import Policy


def submission(text: str, policy: Policy) -> Submit | Misread | None:
    """The submission that a filled-in template spells, with or without `submit` before it; None when the text is no such form."""
    word, _, rest = text.lstrip().partition("\n")
    first, _, beside = word.strip().partition(" ")
    if first.lower() == "submit":
        text = f"{beside}\n{rest}"
    elif first.lower() in WORDS:
        return None
    if not looks_like_form(text):
        return None
    demands = policy.of(policy.current)
    phrases = {handle: item.recognise for handle, item in demands.items.items()}
    expected = {name: track.items for name, track in demands.tracks.items()}
    try:
        form = parse_form(text, phrases, expected)
    except FormTooLong as long:
        return Misread(text=text[:200], why=str(long))
    if not form.reference:
        return Misread(
            text=text[:200],
            why="I read your form, but found no repository or commit to review in it. "
            "Add the link under its reference heading and send it again.",
        )
    return Submit(
        link=form.reference[:500],
        track=form.track,
        title=form.title[:300],
        summary=form.summary,
        claims=tuple(Claim(handle=x.handle, said=x.said, raw=x.raw[:40], remark=x.remark[:300]) for x in form.claims),
        missing=form.missing,
        unread=form.unread,
        struck_out=form.struck_out,
        other_references=form.other_references,
    )
