"""What a server posts, read into values: whatever comes is read, or refused as what it is; nothing else happens."""

import contextlib
import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from mmbot.mattermost import callbacks, render
from mmbot.mattermost.callbacks import Malformed
from mmbot.messages import Button, Dialog, Message, Row

ID = "a" * 26
KEY = b"k" * 32
DAY = 86_400_000
words = st.text() | st.sampled_from(("", ID, "\0", "\ud800", "x" * 2_000, "1.2.3", "9" * 5_000, "\ue000"))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda x: st.lists(x, max_size=4) | st.dictionaries(words, x, max_size=4),
    max_leaves=8,
)
FIELDS = (
    "user_id", "user_name", "channel_id", "post_id", "trigger_id", "context", "state", "submission", "cancelled", "post", "channel_type",
    "id", "root_id", "message", "create_at", "props", "type", "text", "user_mentions", "user_mentions_ids", "l", "m", "n", "u",
)  # fmt: skip
objects = st.dictionaries(st.sampled_from(FIELDS), st.just(ID) | anything, max_size=12)
bodies = st.binary() | (objects | anything).map(lambda x: json.dumps(x).encode())


def sendable(value: object) -> None:
    """Everything that was read can be kept and sent."""
    repr(value).encode()
    json.dumps(vars(value) if hasattr(value, "__dict__") else value, ensure_ascii=False, default=repr).encode()


@given(bodies)
@example(b"[" * 100_000)
@example(b"9" * 9_999)
@example(b'{"submission":{"x":NaN}}')
def test_a_body_is_read_or_malformed(body: bytes) -> None:
    for read in (callbacks.click, callbacks.submission, callbacks.form):
        with contextlib.suppress(Malformed):
            sendable(read(body))


@given(st.dictionaries(st.sampled_from(FIELDS), st.lists(st.just(ID) | words, min_size=1, max_size=3)))
def test_a_form_is_read_or_malformed(fields: dict[str, list[str]]) -> None:
    with contextlib.suppress(Malformed):
        made = callbacks.slash(fields)
        assert all(callbacks.ID.fullmatch(x) for x in (made.user_id, made.channel_id, *(x for _, x in made.mentions)))


@given(objects | objects.map(lambda x: {"post": json.dumps(x)}))
def test_a_frame_is_read_or_malformed(data: dict[str, Any]) -> None:
    with contextlib.suppress(Malformed):
        sendable(callbacks.said(data))


@given(anything, st.integers(0, 2**60))
def test_what_was_not_signed_is_forged(given_: object, now: int) -> None:
    for read in (
        lambda: render.clicked(given_, KEY, now),
        lambda: render.dialog_state(given_, ID, KEY, now),
        lambda: render.dialog_state(json.dumps(given_), ID, KEY, now),
    ):
        try:
            read()
        except render.Forged:
            continue
        raise AssertionError(given_)


@given(st.text(max_size=20), st.integers(0, 9_999), st.integers(0, 99) | st.just(10**6), st.data())
def test_what_was_signed_counts_as_it_was_and_in_no_other_way(
    line: str, row: int, days: int, data: st.DataObject
) -> None:
    if any(0xD800 <= ord(x) < 0xE000 for x in line):
        return
    action = render.props(Message("", (Row((Button("x", line),)),)), row, "", KEY, "", days * DAY)["attachments"][0]
    context = action["actions"][0]["integration"]["context"]
    assert render.clicked(context, KEY, days * DAY) == (row, line, False)
    state = json.loads(render.dialog(Dialog("", "", line, ()), ID, "n", KEY, days * DAY, "mb")["state"])
    assert render.dialog_state(json.dumps(state), ID, KEY, days * DAY) == (line, "n")
    for signed, read in (
        (context, lambda x: render.clicked(x, KEY, days * DAY)),
        (state, lambda x: render.dialog_state(json.dumps(x), ID, KEY, days * DAY)),
    ):
        name = data.draw(st.sampled_from(sorted(signed)))
        other = data.draw(st.text(max_size=20))
        if other == signed[name]:
            continue
        try:
            read({**signed, name: other})
        except render.Forged:
            continue
        raise AssertionError((name, other))
