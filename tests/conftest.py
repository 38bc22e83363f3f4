"""What all tests share.

HYPOTHESIS_PROFILE=heavy looks forty times as long for a case that breaks a rule; HYPOTHESIS_PROFILE=same looks at the
same cases each time, so that what it says is about the change at hand.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mmbot import policy
from mmbot.store.database import Store

IN_MEMORY = Path("/dev/shm")  # noqa: S108 -- pytest makes a folder of its own in it, which nobody else may enter
ROOM = 1 << 30
"""Bytes that must be free there: containers often have less."""

RULES = policy.load()

settings.register_profile(  # no time is asserted in a test: the machine may be busy
    "quick", settings(), max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("same", settings.get_profile("quick"), derandomize=True, database=None)
settings.register_profile(
    "heavy", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write", action="store_true", help="write the transcripts of tests/dialogs anew")


def pytest_configure() -> None:
    """Where there is memory for it, nothing that a test writes waits for a disk: stores wait for theirs at every event."""
    usable = IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK) and shutil.disk_usage(IN_MEMORY).free > ROOM
    if usable and not os.statvfs(IN_MEMORY).f_flag & os.ST_NOEXEC:  # tests write scripts, too
        tempfile.tempdir = os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))


def pytest_xdist_auto_num_workers() -> int:
    """Tests wait for servers and processes more than they compute, so there are more of them at once than processors."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store under the shipped policy."""
    opened = Store(tmp_path / "mmbot.db", RULES)
    yield opened
    opened.close()
