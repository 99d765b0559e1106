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


def software_versions(
    parameters: Parameters | None, *, bone_weights: str | None = None, zones: bool = False
) -> Versions:
    """Versions and hashes of all that makes a reading.

    parameters : None if the finder was not run; bone_weights : SHA-256 of the network that found
    the bones, None if they were given; zones : whether lesions were placed in zones.
    """
    anatomy = resources.files("marrowlight.anatomy")
    registry = anatomy.joinpath("bones.yaml").read_bytes()
    return Versions(
        software=__version__,
        parameters=parameters.sha256 if parameters else None,
        weights=parameters.weights_sha256 if parameters else None,
        knowledge=hashlib.sha256(registry).hexdigest(),
        bone_weights=bone_weights,
        zones=_zones_sha256() if zones else None,
    )


def _zones_sha256() -> str:
    """SHA-256 of all data files of the zones, in the order of their names."""
    folder = resources.files("marrowlight.anatomy").joinpath("zones")
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".yaml"):
            digest.update(f"{file.name}\n".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def reading_id(hashes: Sequence[str], choices: Sequence[str], versions: Versions) -> str:
    """16 hex digits: the same images and masks, choices and versions give the same id.

    hashes : of every image and mask, in order; choices : roles, joint, side and other options.
    """
    parts = [list(hashes), list(choices), versions.model_dump()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
