"""A joint as the phantom knows it: how to paint it, its lesion sites, its usual scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from marrowlight.errors import UsageError
from marrowlight.phantom.canvas import Paint
from marrowlight.phantom.spec import EdemaSpec
from marrowlight.study.series import Plane
from marrowlight.study.study import Joint


@dataclass(frozen=True, slots=True)
class Site:
    """A place for a lesion in the joint's own space (right side, mm).

    bone : registry id; inner : a point deep in its marrow; outward : unit-free direction from there
    to the joint surface that the site is named after.
    """

    bone: str
    inner: tuple[float, float, float]
    outward: tuple[float, float, float]


@dataclass(frozen=True)
class JointModel:
    """A right joint of one person.

    paint : paints it; bones : registry label of each bone by id; sites : by name;
    usual : the lesions that it has if none are asked for; plane : of the usual scan;
    fov_mm : its side; reach_mm : (low, high) of the bones along model x, y, z, to be covered by
    slices; center_ras_mm : where the joint's origin is in the scanner, right side.
    """

    joint: Joint
    paint: Paint
    bones: dict[str, int]
    sites: dict[str, Site]
    usual: tuple[EdemaSpec, ...]
    plane: Plane
    fov_mm: float
    middle: tuple[float, float, float]
    reach_mm: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    center_ras_mm: tuple[float, float, float]

    def site(self, name: str) -> Site:
        """A site by name. Raises UsageError, with all names, if there is none."""
        if name not in self.sites:
            raise UsageError(
                f"The {self.joint.value} phantom has no site {name!r}.",
                expected="one of " + ", ".join(self.sites),
            )
        return self.sites[name]


def joint_model(joint: Joint, seed: int) -> JointModel:
    """The joint of one person: the same seed is the same person."""
    makers: dict[Joint, Callable[[np.random.Generator], JointModel]] = {}
    if joint is Joint.KNEE:
        from marrowlight.phantom.knee import knee_model

        makers[joint] = knee_model
    elif joint is Joint.HIP:
        from marrowlight.phantom.hip import hip_model

        makers[joint] = hip_model
    elif joint is Joint.ANKLE:
        from marrowlight.phantom.ankle import ankle_model

        makers[joint] = ankle_model
    if joint not in makers:
        raise UsageError(
            f"There is no phantom of the {joint.value}.", expected="knee, hip or ankle"
        )
    return makers[joint](np.random.default_rng([seed, 1]))


def sites(joint: Joint | str) -> tuple[str, ...]:
    """Names of the places that edema can be put in a joint."""
    return tuple(joint_model(Joint(joint), 0).sites)
