"""The networks that outline bone in slices: what they promise, and those that are shipped."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from marrowlight.errors import WeightsError
from marrowlight.onnx_session import onnx_session
from marrowlight.study.study import Joint

SCHEMA = "marrowlight.bone-networks/1"

MULTIPLE = 16
"""Rows and columns of the input must be a multiple of this: the network halves them four times."""


class Recipe(BaseModel):
    """How an image is made ready for a network; an entry of ``networks.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = Field(pattern=r"^[a-z_0-9]+\.onnx$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    classes: tuple[str, ...] = Field(min_length=2)
    joints: tuple[Joint, ...] = ()
    pixel_mm: float = Field(gt=0)
    gap_mm: float = Field(gt=0)
    percentile: float = Field(gt=50, le=100)
    clip: float = Field(gt=0)
    planes: Literal["acquired", "three"] = "three"


class BoneNetwork(Protocol):
    """A network that outlines bone in slices.

    ``classes`` : registry ids, the first "background"; ``joints`` : order of the joint head (may
    be empty); ``recipe`` : how its input is made; ``sha256`` : of all weights of its set.
    """

    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def joints(self) -> tuple[Joint, ...]: ...
    @property
    def recipe(self) -> Recipe: ...
    @property
    def sha256(self) -> str: ...

    def run(self, slices: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Slices (N, 3, H, W), H and W multiples of 16, to logits (N, C, H, W) and (N, J)."""
        ...

    def for_joint(self, joint: Joint) -> BoneNetwork:
        """The network of the set that outlines the bones of a joint."""
        ...


@dataclass(frozen=True)
class OnnxNetwork:
    """A network from an ONNX file. Make it with ``shipped_network`` or ``load_network``.

    Parameters
    ----------
    recipe : Recipe
    onnx : bytes
        One float32 input "slices"; outputs "logits" and, unless recipe.joints is empty, "joint".
    sha256 : str
        Of all weights of the set together.
    others : tuple of (Joint, OnnxNetwork)
        Networks of the set that outline a joint better than this one.
    """

    recipe: Recipe
    onnx: bytes
    sha256: str
    others: tuple[tuple[Joint, OnnxNetwork], ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        # A running ONNX session does not travel to worker processes; it is made again there.
        return {k: v for k, v in self.__dict__.items() if k != "_session"}

    @property
    def classes(self) -> tuple[str, ...]:
        return self.recipe.classes

    @property
    def joints(self) -> tuple[Joint, ...]:
        return self.recipe.joints

    @cached_property
    def _session(self) -> Any:
        try:
            # Slices come in many sizes; memory kept for each of them would only pile up.
            return onnx_session(self.onnx, keep_memory=False)
        except Exception as broken:
            raise WeightsError(
                f"The weights {self.recipe.file} are no network that can be run: {broken}.",
                where=self.recipe.file,
                do="install the package again",
            ) from broken

    def run(self, slices: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Slices (N, 3, H, W), H and W multiples of 16, to logits (N, C, H, W) and (N, J)."""
        names = ["logits", "joint"] if self.joints else ["logits"]
        out = self._session.run(names, {"slices": np.ascontiguousarray(slices, np.float32)})
        joint = out[1] if self.joints else np.zeros((len(slices), 0), np.float32)
        return out[0], joint

    def for_joint(self, joint: Joint) -> OnnxNetwork:
        """The network of the set that outlines the bones of a joint."""
        return dict(self.others).get(joint, self)


def shipped_network() -> OnnxNetwork:
    """The set that comes with the package.

    Raises WeightsError if a file is missing or does not match its hash.
    """
    return load_network(resources.files("marrowlight.anatomy") / "weights")


def load_network(folder: Traversable | Path) -> OnnxNetwork:
    """The set of networks in a folder with ``networks.yaml``: "limb", and "sacroiliac" if listed.

    Raises WeightsError if a file is missing, of another schema, or does not match its hash.
    """
    recipes = _recipes(folder)
    contents = {name: _checked(folder, recipe) for name, recipe in sorted(recipes.items())}
    whole = hashlib.sha256(b"".join(contents.values())).hexdigest()
    others = tuple(
        (Joint(name), OnnxNetwork(recipes[name], contents[name], whole))
        for name in sorted(recipes)
        if name != "limb"
    )
    return OnnxNetwork(recipes["limb"], contents["limb"], whole, others)


def _recipes(folder: Traversable | Path) -> dict[str, Recipe]:
    import yaml

    file = folder / "networks.yaml"
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ValueError(f"its schema is {data['schema']!r}, not {SCHEMA!r}")
        recipes = {str(n): Recipe.model_validate(r) for n, r in data["networks"].items()}
        unknown = set(recipes) - {"limb", *(j.value for j in Joint)}
        if unknown:
            raise ValueError(f"it names networks that nobody asks for: {sorted(unknown)}")
        for recipe in recipes.values():
            _check_classes(recipe)
    except (OSError, KeyError, TypeError, ValueError, ValidationError, yaml.YAMLError) as broken:
        raise WeightsError(
            f"The list of bone networks cannot be read: {broken}.",
            where=file,
            do="install the package again",
        ) from broken
    if "limb" not in recipes:
        raise WeightsError(
            "This installation holds no bone network.",
            where=file,
            expected="an entry 'limb'",
            do="give the bones with --bones, or install a package that holds the weights",
        )
    return recipes


def _check_classes(recipe: Recipe) -> None:
    from marrowlight.anatomy.registry import bone_registry

    unknown = set(recipe.classes[1:]) - set(bone_registry())
    if recipe.classes[0] != "background" or unknown:
        raise ValueError(
            f"the classes of {recipe.file} must be background and bones of the registry, "
            f"not {', '.join(recipe.classes)}"
        )


def _checked(folder: Traversable | Path, recipe: Recipe) -> bytes:
    file = folder / recipe.file
    try:
        content = file.read_bytes()
    except OSError as broken:
        raise WeightsError(
            f"The weights {recipe.file} cannot be read: {broken}.",
            where=file,
            do="install the package again",
        ) from broken
    found = hashlib.sha256(content).hexdigest()
    if found != recipe.sha256:
        raise WeightsError(
            f"The weights {recipe.file} do not match their hash: they were changed or damaged.",
            where=file,
            expected=f"SHA-256 {recipe.sha256}, found {found}",
            do="install the package again",
        )
    return content
