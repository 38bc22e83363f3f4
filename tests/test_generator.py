"""`mmbot generator` as its users type it: what it says, writes and ends with."""

import asyncio
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from example_listing import STORE, cut_into, database, remind
from served_folder import served

from mmbot import cli
from mmbot.domain import listing
from mmbot.domain.entry import Marks

NOW = re.compile(rb'"updated_at": "20[^"]*Z"')


def generator(folder: Path, *arguments: str) -> Result:
    """What `mmbot generator` does to the database in a folder."""
    words = ["generator", "--database", str(folder / "plugins.json"), "--remote-plugin-store", STORE, *arguments]
    done = CliRunner().invoke(cli.main, words)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A database with one older release, beside the artifacts of a newer one."""
    cut_into(tmp_path)
    (tmp_path / "plugins.json").write_bytes(listing.write(database(remind("0.9.0"))))
    return tmp_path


def sha(folder: Path) -> str:
    return hashlib.sha256((folder / "plugins.json").read_bytes()).hexdigest()


def add(folder: Path, *flags: str, tag: str = "v1.0.0") -> Result:
    return generator(folder, "add", "remind", tag, "--from", str(folder), *flags)


def test_a_release_is_added_as_the_original_adds_it(folder: Path) -> None:
    done = add(folder, "--community")
    assert done.exit_code == 0
    assert (
        "- added: `com.example.remind` `1.0.0`, `Remind <me> & you`, by the community, production, from server `6.0.0`"
        in done.stdout
    )
    assert "the approved commit and open takedowns" in done.stderr
    wanted = listing.write(database(remind("0.9.0"), remind()))
    written = (folder / "plugins.json").read_bytes()
    assert NOW.sub(b"", written) == NOW.sub(b"", wanted)
    again = add(folder, "--community")
    assert again.exit_code == 1
    assert "`com.example.remind` `1.0.0` is listed already" in again.stderr
    assert (folder / "plugins.json").read_bytes() == written


@pytest.mark.parametrize(
    ("flags", "marks"),
    [
        (["--official"], Marks("mattermost")),
        (["--partner", "--experimental", "--cloud"], Marks("partner", "experimental", "cloud")),
        (
            ["--community", "--beta", "--on-prem", "--enterprise"],
            Marks("community", "beta", "on-prem", enterprise=True),
        ),
    ],
)
def test_the_flags_are_the_originals(folder: Path, flags: list[str], marks: Marks) -> None:
    assert add(folder, *flags).exit_code == 0
    written = (folder / "plugins.json").read_bytes()
    wanted = listing.write(database(remind("0.9.0"), remind(marks=marks)))
    assert NOW.sub(b"", written) == NOW.sub(b"", wanted)


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        ([], "Who maintains it?"),
        (["--official", "--community"], "Who maintains it?"),
        (["--official", "--beta", "--experimental"], "--beta or --experimental, not both"),
        (["--official", "--cloud", "--on-prem"], "--cloud or --on-prem, not both; for both, give neither"),
    ],
)
def test_flags_that_contradict_each_other_are_refused(folder: Path, flags: list[str], why: str) -> None:
    before = sha(folder)
    done = add(folder, *flags)
    assert done.exit_code == 2
    assert why in done.stderr
    assert sha(folder) == before


async def test_artifacts_are_read_from_the_store_where_no_folder_is_named(folder: Path) -> None:
    async with served(folder) as server:
        words = ["add", "remind", "v1.0.0", "--community", "--remote-plugin-store", server.address]
        done = await asyncio.to_thread(generator, folder, *words)
        assert done.exit_code == 0, done.output
        newest = listing.read((folder / "plugins.json").read_bytes()).newest["com.example.remind"]
        assert newest.fields["download_url"] == f"{server.address}/remind-v1.0.0.tar.gz"
        server.status = 500
        words[2] = "v2.0.0"
        failed = await asyncio.to_thread(generator, folder, *words)
    assert failed.exit_code == 1
    assert "answers 500 for remind-v2.0.0.tar.gz" in failed.stderr


def test_a_dry_run_changes_nothing(folder: Path) -> None:
    before = sha(folder)
    done = add(folder, "--community", "--dry-run")
    assert done.exit_code == 0
    assert "- added:" in done.stdout
    assert "was not changed" in done.stdout
    assert sha(folder) == before


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_a_patch_does_what_the_command_would_do(folder: Path) -> None:
    before = sha(folder)
    assert add(folder, "--community", "--patch", str(folder / "change.patch")).exit_code == 0
    assert sha(folder) == before
    subprocess.run(["git", "apply", "change.patch"], cwd=folder, check=True)  # noqa: S607 -- the git that is here
    assert [x.version for x in listing.read((folder / "plugins.json").read_bytes()).entries] == ["1.0.0", "0.9.0"]
    shown = generator(folder, "remove", "com.example.remind", "--patch", "-")
    assert shown.stdout.startswith("--- a/plugins.json\n+++ b/plugins.json\n@@ ")
    assert "- removed:" in shown.stderr


def test_a_lost_macos_bundle_stops_the_listing(folder: Path) -> None:
    (folder / "remind-v1.0.0-osx-amd64.tar.gz").unlink()
    before = sha(folder)
    done = add(folder, "--community")
    assert done.exit_code == 1
    assert "a program for `darwin-amd64`, but no signed bundle for it is uploaded" in done.stderr
    assert "`remind-v1.0.0-osx-amd64.tar.gz or remind-v1.0.0-darwin-amd64.tar.gz` and its .sig" in done.stderr
    assert done.stderr.strip().endswith("Nothing was changed.")
    assert sha(folder) == before


def test_a_question_waits_for_an_answer(folder: Path) -> None:
    cut_into(folder, "0.8.4")
    before = sha(folder)
    done = add(folder, "--community", tag="v0.8.4")
    assert done.exit_code == 3
    assert "`0.8.4` is lower than `0.9.0`" in done.stderr
    assert "To go on, give --yes." in done.stderr
    assert sha(folder) == before
    assert add(folder, "--community", "--yes", tag="v0.8.4").exit_code == 0
    assert sha(folder) != before


def test_a_plugin_or_a_version_is_removed(folder: Path) -> None:
    before = sha(folder)
    assert add(folder, "--community").exit_code == 0
    done = generator(folder, "remove", "com.example.remind", "1.0.0")
    assert (done.exit_code, sha(folder)) == (0, before)
    assert "- removed: `com.example.remind` `1.0.0`" in done.stdout
    assert generator(folder, "remove", "com.example.remind").exit_code == 0
    assert (folder / "plugins.json").read_bytes() == b"[]\n"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["com.example.other"], "com.example.other is not listed."),
        (["com.example.Remind"], "did you mean com.example.remind?"),
        (["com.example.remind", "1.0.0"], "Listed are 0.9.0."),
    ],
)
def test_what_is_not_listed_is_neither_removed_nor_restricted(folder: Path, words: list[str], why: str) -> None:
    for done in (generator(folder, "remove", *words), generator(folder, "restrict", *words, "--on-prem")):
        assert done.exit_code == 1
        assert why in done.stderr


@pytest.mark.parametrize("words", [("remove",), ("restrict", "--on-prem")])
def test_a_version_that_a_script_forgot_to_set_is_not_taken_for_all_of_them(
    folder: Path, words: tuple[str, ...]
) -> None:
    before = (folder / "plugins.json").read_bytes()
    done = generator(folder, words[0], "com.example.remind", "", *words[1:])
    assert (done.exit_code, "Leave it out where all versions are meant" in done.output) == (2, True)
    assert (folder / "plugins.json").read_bytes() == before


def test_a_plugin_is_restricted(folder: Path) -> None:
    done = generator(folder, "restrict", "com.example.remind", "--min-server-version", "9.0.0", "--on-prem")
    assert done.exit_code == 0
    assert "`hosting` nothing → `on-prem`; `manifest.min_server_version` `6.0.0` → `9.0.0`" in done.stdout
    (entry,) = json.loads((folder / "plugins.json").read_bytes())
    assert (entry["hosting"], entry["manifest"]["min_server_version"]) == ("on-prem", "9.0.0")
    lower = generator(folder, "restrict", "com.example.remind", "--min-server-version", "5.0.0")
    assert "Nothing changes." in lower.stdout
    assert generator(folder, "restrict", "com.example.remind").exit_code == 2
    wrong = generator(folder, "restrict", "com.example.remind", "--min-server-version", "9")
    assert (wrong.exit_code, "three numbers" in wrong.stderr) == (1, True)


def test_a_file_changed_by_hand_is_told_and_only_its_entry_touched(folder: Path) -> None:
    file = folder / "plugins.json"
    file.write_bytes(file.read_bytes().replace(b'"hosting": ""', b'"hosting":""'))
    by_hand = file.read_bytes()
    done = add(folder, "--community")
    assert done.exit_code == 0
    assert "changed by hand (`com.example.remind` `0.9.0`)" in done.stderr
    assert file.read_bytes() != by_hand
    assert generator(folder, "remove", "com.example.remind", "1.0.0").exit_code == 0
    assert file.read_bytes() == by_hand


@pytest.mark.parametrize(
    ("text", "why"), [(b"", "it is empty"), (b"{}", "no list"), (b"[", "not JSON"), (None, "can't be read")]
)
def test_what_is_no_database_is_said(folder: Path, text: bytes | None, why: str) -> None:
    file = folder / "plugins.json"
    file.unlink() if text is None else file.write_bytes(text)
    done = add(folder, "--community")
    assert done.exit_code == 1
    assert why in done.stderr
    assert str(file) in done.stderr
