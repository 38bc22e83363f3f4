"""GitHub's webhook: only what is signed counts, and only what is well formed is read."""

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmbot.events import Pushed
from mmbot.github.webhook import MOST_FILES, pushed, signed

COMMIT = "81d0e44".ljust(40, "0")
PUSH = {
    "ref": "refs/heads/main",
    "after": COMMIT,
    "repository": {"html_url": "https://github.com/example/remind"},
    "commits": [{"added": ["a.go"], "modified": ["b.go"], "removed": []}, {"added": [], "modified": ["b.go"]}],
}


def _signature(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_a_signature_counts_for_its_body_and_any_of_our_secrets() -> None:
    body = b'{"x": 1}'
    assert signed(body, _signature(body, "new"), ["old", "new"])
    assert not signed(body + b" ", _signature(body, "new"), ["old", "new"])
    assert not signed(body, _signature(body, "other"), ["old", "new"])


@pytest.mark.parametrize("signature", ["", "sha256=", "sha1=abc", "é", "sha256=" + "0" * 64])
def test_what_is_not_signed_is_refused_and_an_empty_secret_signs_nothing(signature: str) -> None:
    assert not signed(b"x", signature, ["secret"])
    assert not signed(b"x", _signature(b"x", ""), [""])
    assert not signed(b"x", _signature(b"x", ""), [])


def test_a_push_names_its_files_once_and_only_so_many() -> None:
    assert pushed(json.dumps(PUSH).encode()) == Pushed(
        repository="https://github.com/example/remind",
        ref_kind="branch",
        ref_name="main",
        commit=COMMIT,
        files=("a.go", "b.go"),
    )
    many = PUSH | {"commits": [{"added": [f"{n}.go" for n in range(80)]}]}
    found = pushed(json.dumps(many).encode())
    assert found is not None
    assert (len(found.files), found.more) == (MOST_FILES, 80 - MOST_FILES)


@pytest.mark.parametrize(
    "change",
    [
        {"after": "0" * 40},
        {"after": "xyz"},
        {"ref": "refs/notes/x"},
        {"ref": "refs/heads/"},
        {"repository": None},
        {"commits": 3},
    ],
)
def test_what_adds_no_commit_is_no_push(change: dict[str, object]) -> None:
    assert pushed(json.dumps(PUSH | change).encode()) is None


@given(
    st.binary()
    | st.recursive(st.none() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)).map(
        lambda x: json.dumps(x).encode()
    )
)
def test_nothing_that_is_sent_raises(body: bytes) -> None:
    pushed(body)
