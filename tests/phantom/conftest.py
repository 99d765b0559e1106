"""Phantoms small enough to be made in about a second."""

from __future__ import annotations

import pytest
from small_phantom import small

from marrowlight.phantom import Anatomy, Phantom, make_anatomy, make_phantom


@pytest.fixture(scope="session")
def knee_anatomy() -> Anatomy:
    return make_anatomy(small())


@pytest.fixture(scope="session")
def knee(knee_anatomy: Anatomy) -> Phantom:
    """The usual right knee, coarse."""
    return make_phantom(small(), knee_anatomy)
