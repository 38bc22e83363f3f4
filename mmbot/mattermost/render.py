"""What the bot says, as Mattermost's JSON: attachments that carry buttons only, contexts that are tiny and signed."""

import base64
import hashlib
import hmac
import json
import re
from typing import Any

from mmbot.messages import Button, Dialog, Message, Question
from mmbot.words.phrases import LESS, MB

LONGEST_MESSAGE = 16_383
"""Characters that a post may have."""
PROPS_BUDGET = 7_500
"""An old server takes 8,000 characters of props, as it counts them."""
COLOURS = {"blue": "#1c58d9", "green": "#06a86d", "amber": "#f2a300", "red": "#d24b4e", "grey": "#8d93a5", "": ""}
KINDS = {"line": "text", "text": "textarea", "choice": "select", "person": "select", "flag": "bool"}
DAY = 86_400_000
LIFETIME = 30
"""Days for which a button in a post that is never refreshed can be pressed."""
DIALOG_LIFETIME = DAY
"""Milliseconds for which a dialog can be filled in."""

_LINKED = re.compile(r"\[((?:[^\[\]\\]|\\.)*)\]\(https?://[^)]*\)")
_MARKS = re.compile(r"\*\*|\\([^\w\s])|(?<=\n)> |^> ")
"""What Markdown is made of: bold, escapes, quotations."""


class Forged(Exception):  # noqa: N818 -- what it is
    """A context or state that this bot did not sign, or not for this person, or too long ago."""


def sign(key: bytes, *parts: str) -> str:
    """A MAC of 96 bits over parts, as 16 characters."""
    text = "\0".join(parts).encode()
    return base64.urlsafe_b64encode(hmac.digest(key, text, hashlib.sha256)[:12]).decode()


def props(message: Message, row: int, row_key: str, secret: bytes, url: str, now: int) -> dict[str, Any]:
    """The props of a post: its row's key, and one attachment for each row of buttons.

    Rows that an old server would refuse for their weight are left out, the last ones first: their words can be typed, and the
    buttons come when rows above them are done.
    """
    attachments = []
    for index, buttons in enumerate(message.rows):
        actions = [_action(button, number, row, secret, url, now) for number, button in enumerate(buttons.buttons)]
        attachment: dict[str, Any] = {"actions": actions}
        if buttons.text:
            attachment["text"] = buttons.text
        if index == 0 and message.colour:
            attachment["color"] = COLOURS[message.colour]
        attachments.append(attachment)
    made = {"mmbot": row_key, "attachments": attachments}
    while weight(made) > PROPS_BUDGET:
        attachments.pop()
    return made


def _action(button: Button, number: int, row: int, secret: bytes, url: str, now: int) -> dict[str, Any]:
    day = now // DAY
    mac = sign(secret, "click", str(row), button.line, str(day))
    context = {"l": button.line, "m": f"{row}.{day}.{mac}"}
    action: dict[str, Any] = {
        "id": f"a{number}{hashlib.sha256(button.line.encode()).hexdigest()[:6]}",
        "type": "button",
        "name": button.label,
    }
    if button.style != "default":
        action["style"] = button.style
    return {**action, "integration": {"url": f"{url}/mattermost/action", "context": context}}


def clicked(context: Any, secret: bytes, now: int) -> tuple[int, str, bool]:  # noqa: ANN401 -- anything can be posted to us
    """The row and line that a click's context carries, and whether it is too old; raises Forged."""
    try:
        line, (row, day, mac) = str(context["l"]), str(context["m"]).split(".")
        good = "\0" not in row + day and hmac.compare_digest(
            sign(secret, "click", row, line, day).encode(), mac.encode()
        )
    except (KeyError, TypeError, ValueError):
        good = False
    if not good:
        raise Forged
    return int(row), line, now // DAY - int(day) > LIFETIME


def text(words: str, trigger: str) -> str:
    """A text on its way out: the trigger put in, and never longer than a post may be."""
    words = words.replace(MB, f"/{trigger}")
    return words if len(words) <= LONGEST_MESSAGE else words[: LONGEST_MESSAGE - 2] + " …"


def unformatted(words: str) -> str:
    """A text for a place where clients show Markdown as it is written, such as a dialog's errors: links by their labels, nothing bold."""
    words = _LINKED.sub(lambda found: found.group(1).strip("`"), words)
    return _MARKS.sub(lambda found: found.group(1) or "", words).replace(LESS, "<").replace("\u200b", "")


def dialog(asked: Dialog, person: str, nonce: str, secret: bytes, now: int, trigger: str) -> dict[str, Any]:
    """A dialog as the server takes it; its state is signed for one person and a day."""
    until = str(now + DIALOG_LIFETIME)
    mac = sign(secret, "dialog", person, nonce, until, asked.line)
    state = json.dumps({"l": asked.line, "n": nonce, "u": until, "m": mac}, ensure_ascii=False, separators=(",", ":"))
    return {
        "callback_id": "mmbot",
        "title": asked.title[:24],
        "introduction_text": text(asked.intro, trigger),
        "submit_label": "Send",
        "notify_on_cancel": False,
        "state": state,
        "elements": [_element(question) for question in asked.questions],
    }


def _element(question: Question) -> dict[str, Any]:
    element: dict[str, Any] = {
        "display_name": question.label[:24], "name": question.name, "type": KINDS[question.kind], "optional": question.optional,
        "help_text": question.hint[:150], "default": question.default,
    }  # fmt: skip
    if question.kind == "choice":
        element["options"] = [{"text": words[:60], "value": value} for value, words in question.choices]
    if question.kind == "person":
        element["data_source"] = "users"
    if question.kind == "text":
        element["max_length"] = 3000
    if question.kind == "line":
        element["max_length"] = 150
    return element


def dialog_state(state: Any, person: str, secret: bytes, now: int) -> tuple[str, str]:  # noqa: ANN401 -- anything can be posted to us
    """The line and nonce of a dialog's state; raises Forged unless this bot signed it for this person, and lately."""
    try:
        raw = json.loads(str(state)[:20_000])
        line, nonce, until, mac = str(raw["l"]), str(raw["n"]), str(raw["u"]), str(raw["m"])
        good = "\0" not in nonce + until and hmac.compare_digest(
            sign(secret, "dialog", person, nonce, until, line).encode(), mac.encode()
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        good = False
    if not good or not re.fullmatch(r"\d{1,16}", until) or int(until) < now:
        raise Forged
    return line, nonce


def weight(of: dict[str, Any]) -> int:
    """The size of props as an old server counts it: compact JSON, with what it adds for attachments and escapes."""
    body = json.dumps(of, separators=(",", ":"), ensure_ascii=False)
    return len(body) + 206 * len(of.get("attachments", ())) + 5 * sum(body.count(x) for x in "<>&")
