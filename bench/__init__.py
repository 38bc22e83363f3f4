"""Measurements of mmbot, as ratios within one run: `python -m bench`. The test suite's servers and people are borrowed."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
