"""The folders of cuts: what nobody needs any more is deleted, at the start and every night, and nothing else."""

import asyncio
from pathlib import Path

from mmbot.steps.folders import emptied, put_aside, tidy


def names(folder: Path) -> list[str]:
    return sorted(x.name for x in folder.iterdir())


async def test_the_folders_of_cuts_that_are_over_are_deleted_and_the_others_kept(tmp_path: Path) -> None:
    for name in ("1", "2", "3", "left"):
        (tmp_path / name / "1").mkdir(parents=True)
    (tmp_path / "1" / "1" / "read-only").touch()
    (tmp_path / "1" / "1").chmod(0o500)
    await tidy(tmp_path, lambda: {2, 7})
    assert names(tmp_path) == ["2"]
    await tidy(tmp_path / "nowhere", set)


async def test_a_cut_that_is_begun_while_others_are_deleted_keeps_its_folder(tmp_path: Path) -> None:
    for n in range(50):
        (tmp_path / "1" / f"{n}").mkdir(parents=True)
    tidying = asyncio.create_task(tidy(tmp_path, set))
    await asyncio.sleep(0)
    (tmp_path / "1").mkdir()
    await tidying
    assert names(tmp_path) == ["1"]
    assert names(tmp_path / "1") == []


def test_what_a_killed_process_left_is_deleted_at_the_start_and_everything_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "work" / "list-x").mkdir(parents=True)
    with emptied(tmp_path / "work") as folder:
        assert names(folder) == []
        (folder / "checkout-y").mkdir()
    assert names(tmp_path) == []


def test_a_source_in_which_something_still_writes_is_out_of_the_way_at_once(tmp_path: Path) -> None:
    for name in ("source", "checkout-x", "out", "work"):
        (tmp_path / name).mkdir()
    for pattern in ("source", "checkout-*", "nothing"):
        put_aside(tmp_path, pattern, tmp_path / "work")
    assert names(tmp_path) == ["out", "work"]
    assert names(tmp_path / "work") == []
