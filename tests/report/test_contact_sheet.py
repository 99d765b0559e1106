"""The contact sheet: every fifth slice, outlines where the bones are, the right way round."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.report.contact_sheet import COLOURS, contact_sheet, shown_slices
from marrowlight.study.grid import Grid
from marrowlight.study.study import Side


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (1, [0]),
        (3, [0, 1, 2]),
        (24, [1, 5, 9, 13, 17, 21]),
        (31, [0, 5, 10, 15, 20, 25, 30]),
        (80, [2, 7, 12, 17, 22, 27, 32, 37, 42, 47, 52, 57, 62, 67, 72, 77]),
    ],
)
def test_every_fifth_slice_is_shown_and_more_of_a_short_stack(count: int, shown: list[int]) -> None:
    assert shown_slices(count) == shown


def test_each_bone_is_outlined_in_its_colour_where_it_lies() -> None:
    """One coronal slice: the bone on the patient's right is seen on the left."""
    grid = Grid((60, 1, 60), np.diag([2.0, 4.0, 2.0, 1.0]))
    labels = np.zeros(grid.shape, np.uint8)
    labels[40:55, :, 20:40], labels[5:20, :, 20:40] = 1, 102
    bones = BoneMap(
        labels, grid,
        (LabelledBone(1, "femur", Side.RIGHT), LabelledBone(102, "tibia", Side.LEFT)), "test",
    )  # fmt: skip
    image = np.random.default_rng(0).normal(100, 5, grid.shape).astype(np.float32)
    sheet = np.asarray(Image.open(io.BytesIO(contact_sheet(image, bones))).convert("RGB"), int)
    # Above the legend, columns where a pixel has the colour of a bone.
    tile = sheet[: sheet.shape[0] - 40]
    places = [
        np.flatnonzero((np.abs(tile - colour).max(axis=-1) < 60).any(axis=0)).mean()
        for colour in COLOURS[:2]
    ]
    assert places[0] < places[1]


def test_the_same_bones_give_the_same_bytes() -> None:
    grid = Grid((30, 30, 12), np.diag([1.0, 1.0, 4.0, 1.0]))
    labels = np.zeros(grid.shape, np.uint8)
    labels[8:20, 8:20, 2:9] = 1
    bones = BoneMap(labels, grid, (LabelledBone(1, "femur"),), "test")
    image = labels.astype(np.float32)
    assert contact_sheet(image, bones) == contact_sheet(image, bones)
