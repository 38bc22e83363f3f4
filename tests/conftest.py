"""What all tests share. HYPOTHESIS_PROFILE=heavy looks twenty times as long for a case that breaks a rule."""

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "heavy", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", settings.get_current_profile_name()))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write", action="store_true", help="write the transcripts of tests/dialogs anew")


def pytest_xdist_auto_num_workers() -> int:
    """Tests wait for servers and processes more than they compute, so there are more of them at once than processors."""
    return 2 * (os.cpu_count() or 1)
