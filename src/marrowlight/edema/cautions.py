"""What the reader of an edema map must know: warnings that follow from the image itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from marrowlight.edema.scene import Scene
from marrowlight.edema.smooth import Array, within
from marrowlight.notice import Notice

RED_MARROW_CONTRAST = 1.0
"""Red marrow is brighter than fatty marrow on fat-suppressed images. Robust SD."""
RED_MARROW_SHARE = 0.15
"""Share of all marrow that is that bright before the question is raised."""
RED_MARROW_T1 = 0.9
"""Red marrow on T1 is darker than fatty marrow, here relative to it."""
WIDE_SPREAD = 0.45
"""Normal marrow of one patient spreads by 0.18 to 0.32 of its level on the sacroiliac set."""
SMALL_CORE_ML = 2.0
FAT_LEVEL = 3.0
"""Tissue around the bones this many robust SD above marrow is fat that was not suppressed."""


def cautions(
    scene: Scene,
    failed: NDArray[np.bool_],
    *,
    t1_given: bool,
) -> tuple[Notice, ...]:
    """Warnings for one scene.

    failed : (I, J, K) bool on the scene's window, see ``mimics.failed_suppression``;
    t1_given : whether there was a T1 at all, however little it covers.
    """
    notices = []
    core = scene.shape.core
    if scene.t1 is None:
        text = "T1 was given but does not cover the bones." if t1_given else "No T1 was given."
        notices.append(
            Notice(
                "no-t1",
                f"{text} Edema was found on the fluid-sensitive image alone, which agrees less "
                "with readers, above all for small lesions.",
            )
        )
    core_ml = float(core.sum()) * float(np.prod(scene.spacing)) / 1000.0
    if core_ml < SMALL_CORE_ML:
        notices.append(
            Notice(
                "little-marrow",
                f"Only {core_ml:.1f} ml of marrow lie clear of cortex; the reference of normal "
                "marrow is uncertain.",
            )
        )
    if scene.marrow.relative > WIDE_SPREAD:
        notices.append(
            Notice(
                "uneven-marrow",
                f"Normal marrow spreads by {scene.marrow.relative:.0%} of its level, more than is "
                "usual: noise, a bias field or patchy red marrow. Weak edema may be missed.",
            )
        )
    if failed.any():
        ml = float(failed.sum()) * float(np.prod(scene.spacing)) / 1000.0
        notices.append(
            Notice(
                "fat-suppression-failed",
                f"Near the edge of the field of view {ml:.1f} ml of bone are bright together with "
                "the tissue beside them: failed fat suppression. They were left out.",
            )
        )
    if _unsuppressed(scene):
        notices.append(
            Notice(
                "fat-not-suppressed",
                "Most soft tissue around the bones is far brighter than marrow: fat may not be "
                "suppressed in this image. Edema cannot be told from fat then.",
            )
        )
    if _red_marrow(scene):
        notices.append(
            Notice(
                "red-marrow-possible",
                "Large parts of the marrow are brighter than the rest"
                + (" and darker on T1" if scene.t1 is not None else "")
                + ": extensive edema or red marrow. Symmetry and T1 tell them apart.",
            )
        )
    return tuple(notices)


def _red_marrow(scene: Scene) -> bool:
    core = scene.shape.core
    bone: Array = scene.shape.bone.astype(np.float32)
    raised = within(np.clip(scene.z, -4, 15), bone, 4.0, scene.spacing)[core] > RED_MARROW_CONTRAST
    if scene.t1 is not None:
        raised &= within(np.clip(scene.t1, 0, 3), bone, 4.0, scene.spacing)[core] < RED_MARROW_T1
    return bool(raised.mean() > RED_MARROW_SHARE)


def _unsuppressed(scene: Scene) -> bool:
    depth = scene.shape.depth
    around = (depth < -2.0) & (depth > -8.0)
    return bool(around.sum() > 500 and np.median(scene.z[around]) > FAT_LEVEL)
