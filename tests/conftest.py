"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def data_root() -> Path | None:
    """The folder of real test data: $MARROWLIGHT_DATA, or ../shared/data beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    for candidate in (os.environ.get("MARROWLIGHT_DATA"), beside):
        if candidate and Path(candidate).is_dir():
            return Path(candidate)
    return None


@pytest.fixture(scope="session")
def data() -> Path:
    """Folder of real data; skips the test where it is absent."""
    root = data_root()
    if root is None:
        pytest.skip("real test data not found: set MARROWLIGHT_DATA or place ../shared/data")
    return root
