"""The file of the listing: replaced as a whole or not at all."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mmbot.release.listing_file import BadFile, Changed, read, write_atomically

ROOT = Path(__file__).parents[1]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_file_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "plugins.json"
    file.write_bytes(b"old")
    file.chmod(0o664)
    assert read(file) == (b"old", sha(b"old"))
    write_atomically(file, sha(b"old"), b"new")
    assert file.read_bytes() == b"new"
    assert file.stat().st_mode & 0o777 == 0o664
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    file, link = tmp_path / "real" / "plugins.json", tmp_path / "link.json"
    file.write_bytes(b"old")
    link.symlink_to(file)
    write_atomically(link, sha(b"old"), b"new")
    assert link.is_symlink()
    assert file.read_bytes() == b"new"


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "plugins.json"
    file.write_bytes(b"theirs")
    with pytest.raises(Changed, match="changed by somebody else meanwhile"):
        write_atomically(file, sha(b"old"), b"new")
    assert file.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [file]


def test_writing_once_more_is_nothing(tmp_path: Path) -> None:
    file = tmp_path / "plugins.json"
    file.write_bytes(b"new")
    before = file.stat().st_ino
    write_atomically(file, sha(b"old"), b"new")
    assert file.stat().st_ino == before


def test_of_two_that_write_one_is_told(tmp_path: Path) -> None:
    file = tmp_path / "plugins.json"
    file.write_bytes(b"old")
    told: list[bytes] = []

    def write(data: bytes) -> None:
        try:
            write_atomically(file, sha(b"old"), data)
        except Changed:
            told.append(data)

    writers = [threading.Thread(target=write, args=[bytes([n]) * 100_000]) for n in range(8)]
    for x in writers:
        x.start()
    for x in writers:
        x.join()
    assert len(told) == 7
    assert file.read_bytes() not in told
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="can't be read: No such file"):
        read(tmp_path / "none")
    with pytest.raises(BadFile, match="can't be read: Is a directory"):
        write_atomically(tmp_path, sha(b""), b"new")
    with pytest.raises(BadFile, match="can't be written: No such file"):
        write_atomically(tmp_path / "none" / "none", sha(b""), b"new")


def test_killed_at_any_line_it_leaves_the_old_or_the_new_file_whole(tmp_path: Path) -> None:
    file = tmp_path / "plugins.json"
    script = [sys.executable, str(ROOT / "tests" / "killed_while_writing.py"), str(file)]
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(script, env=path, capture_output=True, check=True)  # noqa: S603 -- ours
    left = [json.loads(line) for line in done.stdout.splitlines()]
    *killed, (status, state, mode, beside) = left
    assert (status, state, mode, beside) == (0, "new", 0o640, 0)
    assert len(killed) > 20
    assert {x[0] for x in killed} == {-9}
    states = [x[1] for x in killed]
    assert states == sorted(states, key=["old", "new"].index)
    assert set(states) == {"old", "new"}
    assert {x[2] for x in killed} == {0o640}
    assert max(x[3] for x in killed) == 1  # what the one before left is taken away first
