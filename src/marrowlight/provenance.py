"""What made a reading: versions, hashes and the id that follows from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING

from marrowlight.reading import Versions
from marrowlight.version import __version__

if TYPE_CHECKING:
    from marrowlight.edema.parameters import Parameters


def software_versions(parameters: Parameters | None) -> Versions:
    """Versions and hashes of all that makes a reading; None if the finder was not run."""
    registry = resources.files("marrowlight.anatomy").joinpath("bones.yaml").read_bytes()
    return Versions(
        software=__version__,
        parameters=parameters.sha256 if parameters else None,
        weights=parameters.weights_sha256 if parameters else None,
        knowledge=hashlib.sha256(registry).hexdigest(),
    )


def reading_id(hashes: Sequence[str], choices: Sequence[str], versions: Versions) -> str:
    """16 hex digits: the same images and masks, choices and versions give the same id.

    hashes : of every image and mask, in order; choices : roles, joint, side and other options.
    """
    parts = [list(hashes), list(choices), versions.model_dump()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
