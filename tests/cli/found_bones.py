"""A stand-in for the network: it finds the bones that a phantom's truth holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.anatomy.find_bones import SOURCE
from marrowlight.anatomy.found import BonesFound, BoneTrust
from marrowlight.anatomy.registry import bone_registry
from marrowlight.notice import Notice
from marrowlight.study.grid import Grid
from marrowlight.study.study import Joint, Side, Study

WEIGHTS = "5e" * 32


def truth_found(bones: Path, *, without: Sequence[str] = (), series: str = "s1") -> BonesFound:
    """The bones of a truth file as if found; those in ``without`` are not read."""
    image = nib.load(bones)
    labels = np.asanyarray(image.dataobj).astype(np.uint8)
    grid = Grid(labels.shape, image.affine)
    trust, kept = [], []
    for one in bone_registry().values():
        size = float((labels == one.label).sum()) * grid.voxel_volume_mm3
        if not size:
            continue
        read = one.id not in without
        reason = "" if read else "the three planes do not agree on it"
        trust.append(BoneTrust(one.id, Side.RIGHT, 0.93 if read else 0.31, read, reason,
                               one.id == "femur", size))  # fmt: skip
        if read:
            kept.append(LabelledBone(one.label, one.id, Side.RIGHT))
        else:
            labels[labels == one.label] = 0
    return BonesFound(
        bones=BoneMap(labels, grid, tuple(kept), SOURCE),
        trust=tuple(trust),
        joint=Joint.KNEE,
        joint_shares={Joint.KNEE: 0.97, Joint.HIP: 0.01, Joint.ANKLE: 0.01,
                      Joint.SACROILIAC: 0.0, Joint.OTHER: 0.01},
        series_used=(series,),
        weights_sha256=WEIGHTS,
        notices=(Notice("bones-planes-differ", "The planes differ by 4 % in the femur."),),
    )  # fmt: skip


class Finder:
    """Takes the place of ``find_bones``; remembers what it was asked."""

    def __init__(self, found: BonesFound) -> None:
        self.found = found
        self.studies: list[Study] = []
        self.seeds: list[Any] = []

    def __call__(self, study: Study, *, seeds: Sequence[Any] = (), **_: object) -> BonesFound:
        self.studies.append(study)
        self.seeds += seeds
        return self.found


def put(monkeypatch: pytest.MonkeyPatch, found: BonesFound) -> Finder:
    """Let ``find_bones`` answer with these bones."""
    finder = Finder(found)
    monkeypatch.setattr("marrowlight.anatomy.find_bones.find_bones", finder)
    return finder
