"""The parameters of the finder: a small file of numbers and the learned weights it names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from marrowlight.edema.learned import Trees
from marrowlight.errors import WeightsError

SCHEMA = "marrowlight.edema-parameters/1"


@dataclass(frozen=True)
class Parameters:
    """One fitted set. Make it with ``shipped_parameters`` or ``load_parameters``.

    Parameters
    ----------
    name : str
    focal_threshold : float
        Probability from which a voxel outside an extensive region is in the mask.
    extensive_threshold : float
        The same inside an extensive region.
    min_lesion_mm3 : float
        Smaller lesions are not in the mask: one voxel in each of two slices at least. mm³.
    sha256 : str
        Of the parameter file.
    weights_sha256 : str
        Of all weights together.
    weights : tuple of (str, bytes)
        ONNX models by name: ``with_t1`` and ``without_t1``.
    fitted_on : tuple of str
        Ids of the subjects that it has seen.
    left_out : tuple of dict
        What the finder made of subjects that it was not fitted on.
    """

    name: str
    focal_threshold: float
    extensive_threshold: float
    min_lesion_mm3: float
    sha256: str
    weights_sha256: str
    weights: tuple[tuple[str, bytes], ...]
    fitted_on: tuple[str, ...] = ()
    left_out: tuple[dict[str, Any], ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        # A running ONNX session does not travel to worker processes; it is made again there.
        return {k: v for k, v in self.__dict__.items() if k != "_trees"}

    @cached_property
    def _trees(self) -> dict[str, Trees]:
        return {name: Trees(onnx) for name, onnx in self.weights}

    def trees(self, *, with_t1: bool) -> Trees:
        """The learned part for a scene with or without T1."""
        return self._trees["with_t1" if with_t1 else "without_t1"]


def shipped_parameters() -> Parameters:
    """The set that comes with the package, fitted on all subjects.

    Raises WeightsError if a file does not match its hash.
    """
    return _load(resources.files("marrowlight.edema"))


def load_parameters(folder: Path) -> Parameters:
    """A set written by ``python -m training.edema.fit``.

    Raises WeightsError if a file is missing, of another schema, or does not match its hash.
    """
    return _load(Path(folder))


def _load(folder: Traversable | Path) -> Parameters:
    file = folder / "parameters.yaml"
    try:
        text = file.read_bytes()
        data = yaml.safe_load(text)
        if data["schema"] != SCHEMA:
            raise WeightsError(
                f"The parameter file has the schema {data['schema']!r}.",
                where=file,
                expected=SCHEMA,
                do="fit the parameters again with this version",
            )
        weights = tuple(
            (name, _checked(folder / "weights" / entry["file"], entry["sha256"]))
            for name, entry in sorted(data["weights"].items())
        )
        whole = hashlib.sha256(b"".join(onnx for _, onnx in weights)).hexdigest()
        return Parameters(
            name=str(data["name"]),
            focal_threshold=float(data["focal_threshold"]),
            extensive_threshold=float(data["extensive_threshold"]),
            min_lesion_mm3=float(data["min_lesion_mm3"]),
            sha256=hashlib.sha256(text).hexdigest(),
            weights_sha256=whole,
            weights=weights,
            fitted_on=tuple(map(str, data["fitted_on"])),
            left_out=tuple(data.get("left_out") or ()),
        )
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as broken:
        raise WeightsError(
            f"The parameters of the edema finder cannot be read: {broken}.",
            where=file,
            do="install the package again, or fit the parameters again",
        ) from broken


def _checked(file: Traversable | Path, expected: str) -> bytes:
    content = file.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise WeightsError(
            f"The weights {file.name} do not match their hash: they were changed or damaged.",
            where=file,
            expected=f"SHA-256 {expected}, found {found}",
            do="install the package again",
        )
    return content
