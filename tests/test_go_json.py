"""JSON as Go reads and writes it."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbot.domain import go_json
from mmbot.domain.go_json import BadJson, Pairs

GO = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
OURS = """package main

import (
	"bufio"
	"encoding/json"
	"os"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	for lines.Scan() {
		var value any
		if json.Unmarshal(lines.Bytes(), &value) != nil {
			value = "refused"
		}
		_ = out.Encode(value)
	}
}
"""
HARD = [
    *(
        b"0 -0 0.0 15.0 2.50 1e20 1e21 999999999999999999999 1e-6 9.99e-7 1e-7 -1.5e-9 5e-324 1.7976931348623157e308".split()
    ),
    *(b"1e400 123456789012345678 123456789012345678901234 4.35 NaN Infinity 01 -".split()),
    b'"<a href=\\"x\\">&amp;\\u003c/a>"',
    b'"\\u2028\\u2029\xe2\x80\xa8 \\u0000\\u001f\\u007f\x7f \\b\\f\\n\\r\\t \\/ \\\\"',
    b'"\\ud83d\\ude00 \xf0\x9f\x98\x80 \\ud800 \\udc00x \\ud800\\ud800"',
    b'"\xff \xe2\x82 \xed\xa0\x80 \xf5\x80 \\ufffd"',
    b'{"b": {}, "a": [], "": null, "\xc3\xa9": [true, false], "Z": {"y": [[]]}, "\xf0\x9f\x98\x80": 1, "\xef\xbf\xbf": 2}',
    b'{"a": 1, "a": 2}',
    b'{"a": 1} x',
    b"\xef\xbb\xbf1",
    b'"tab\there"',
]


def written(line: bytes) -> str:
    try:
        return go_json.encode(go_json.parse(go_json.text_of(line)), order=True)
    except BadJson:
        return '"refused"'


def test_what_go_refuses_or_writes_otherwise_is_known() -> None:
    wanted = """0 -0 0 15 2.5 100000000000000000000 1e+21 1e+21 0.000001 9.99e-7 1e-7 -1.5e-9 5e-324 1.7976931348623157e+308
        "refused" 123456789012345680 1.2345678901234569e+23 4.35 "refused" "refused" "refused" "refused" """
    assert [written(x) for x in HARD[:22]] == wanted.split()
    assert written(HARD[22]) == r'"<a href=\"x\">&amp;</a>"'
    assert written(HARD[23]) == '"\\u2028\\u2029\\u2028 \\u0000\\u001f\x7f\x7f \\b\\f\\n\\r\\t / \\\\"'
    assert written(HARD[24]) == '"😀 😀 \ufffd \ufffdx \ufffd\ufffd"'
    assert written(HARD[25]) == '"\ufffd \ufffd\ufffd \ufffd\ufffd\ufffd \ufffd\ufffd \ufffd"'


@pytest.mark.skipif(not GO, reason="Go is not installed")
def test_go_itself_agrees(tmp_path: Path) -> None:
    assert GO
    version = subprocess.run([GO, "env", "GOVERSION"], capture_output=True, check=True, text=True).stdout  # noqa: S603 -- Go itself
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < (1, 22):
        pytest.skip(f"{version.strip()} writes some control characters otherwise than the Marketplace's Go")
    (tmp_path / "main.go").write_text(OURS, "utf-8")
    lines = b"\n".join(HARD)
    done = subprocess.run([GO, "run", "main.go"], cwd=tmp_path, input=lines, capture_output=True, check=True)  # noqa: S603 -- ours
    assert done.stdout.decode() == "".join(f"{written(x)}\n" for x in HARD)


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
        max_leaves=10,
    )
)
def test_any_value_means_the_same_after_writing(value: object) -> None:
    assert json.loads(go_json.encode(value), parse_int=float) == value


def test_an_object_keeps_its_order_and_what_it_says_twice() -> None:
    value = go_json.parse('{"b": 1, "a": {"c": 2}, "b": 3}')
    assert value == Pairs([("b", 1.0), ("a", Pairs([("c", 2.0)])), ("b", 3.0)])
    assert go_json.encode(value) == '{\n  "b": 1,\n  "a": {\n    "c": 2\n  },\n  "b": 3\n}'


@pytest.mark.parametrize("text", ["[" * 500 + "]" * 500, "[" * 100_000])
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    with pytest.raises(BadJson, match=r"too deeply|line"):
        go_json.encode(go_json.parse(text))
