"""The hand-drawn outlines and their masks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.outline_masks import (
    FOLDER,
    SECOND,
    Outline,
    SliceOutlines,
    all_outlines,
    crossing_gaps_mm,
    dice,
    dice_on_slice,
    polygon_mask,
)
from marrowlight.anatomy.registry import bone_registry
from marrowlight.study.grid import Grid

FILES = sorted(FOLDER.glob("*.json")) + sorted(SECOND.glob("*.json"))
SQUARE = np.array([[1.5, 2.5, 3.0], [4.5, 2.5, 3.0], [4.5, 6.5, 3.0], [1.5, 6.5, 3.0]])
"""Holds the pixels (2 to 4, 3 to 6) of slice 3."""


def drawn(*outlines: Outline, unsure: tuple[np.ndarray, ...] = ()) -> SliceOutlines:
    grid = Grid((8, 10, 5), np.diag([0.5, 0.5, 3.0, 1.0]))
    return SliceOutlines("made", "nowhere", "axial", 2, 3, grid, outlines, unsure)


def test_pixels_count_by_their_centre() -> None:
    mask = polygon_mask(SQUARE[:, :2], (8, 10))
    assert mask.sum() == 12
    assert mask[2:5, 3:7].all()


def test_a_polygon_is_cut_at_the_border_of_the_image() -> None:
    beyond = np.array([[-3.0, -2.0], [2.4, -2.0], [2.4, 30.0], [-3.0, 30.0]])
    mask = polygon_mask(beyond, (8, 10))
    assert mask[:3].all()
    assert not mask[3:].any()


def test_a_slanted_edge_is_followed() -> None:
    half = polygon_mask(np.array([[-0.5, -0.5], [99.5, -0.5], [-0.5, 99.5]]), (100, 100))
    assert half.mean() == pytest.approx(0.5, abs=0.01)
    assert half[10, 80]
    assert not half[80, 80]


def test_two_parts_of_one_bone_are_one_mask() -> None:
    other = SQUARE + np.array([3.0, 0.0, 0.0])
    both = drawn(Outline("femur", SQUARE), Outline("femur", other))
    assert both.bones == ("femur",)
    assert both.mask("femur").sum() == 24
    assert both.volume_mask("femur").sum() == 24
    assert both.volume_mask("femur")[..., 3].any()


def test_a_plane_across_the_slices_lies_where_it_is_said() -> None:
    grid = Grid((8, 10, 5), np.diag([0.5, 0.5, 3.0, 1.0]))
    points = np.array([[6.0, 0.5, 0.5], [6.0, 0.5, 2.5], [6.0, 4.5, 2.5], [6.0, 4.5, 0.5]])
    across = SliceOutlines("made", "", "sagittal", 0, 6, grid, (Outline("tibia", points),), ())
    mask = across.volume_mask("tibia")
    assert mask.sum() == 8
    assert mask[6, 1:5, 1:3].all()


def test_dice_counts_the_plane_only() -> None:
    one = drawn(Outline("femur", SQUARE))
    labels = np.full((8, 10, 5), 7, np.uint8)
    labels[..., 3] = 0
    labels[2:5, 3:5, 3] = 1
    assert dice_on_slice(labels, one.grid, one, {"femur": 1}) == {"femur": pytest.approx(2 / 3)}
    assert dice_on_slice(labels, one.grid, one, {"tibia": 1}) == {}
    assert dice_on_slice(np.zeros_like(labels), one.grid, one, {"femur": 1}) == {"femur": 0.0}


def test_an_area_where_the_border_is_not_seen_may_be_left_out() -> None:
    low = np.array([[-1.0, 4.5, 3.0], [9.0, 4.5, 3.0], [9.0, 12.0, 3.0], [-1.0, 12.0, 3.0]])
    one = drawn(Outline("femur", SQUARE), unsure=(low,))
    labels = np.zeros((8, 10, 5), np.uint8)
    labels[2:5, 3:5, 3] = 1
    assert dice_on_slice(labels, one.grid, one, {"femur": 1}, sure_only=True) == {"femur": 1.0}


def test_a_map_on_another_grid_is_read_in_space() -> None:
    one = drawn(Outline("femur", SQUARE))
    flipped = one.grid.affine.copy()
    flipped[:3, 3] = one.grid.to_ras([7.0, 0.0, 0.0])
    flipped[0, 0] *= -1
    labels = np.zeros((8, 10, 5), np.uint8)
    labels[2:5, 3:7, 3] = 1
    mirrored = Grid((8, 10, 5), flipped)
    assert dice_on_slice(labels[::-1], mirrored, one, {"femur": 1}) == {"femur": 1.0}
    assert dice_on_slice(labels, mirrored, one, {"femur": 1})["femur"] < 1.0


def test_lines_of_two_planes_are_compared_where_they_cross() -> None:
    one = drawn(Outline("femur", SQUARE))
    points = np.array([[3.0, 2.0, 0.5], [3.0, 2.0, 4.0], [3.0, 6.1, 4.0], [3.0, 6.1, 0.5]])
    across = SliceOutlines("b", "nowhere", "x", 0, 3, one.grid, (Outline("femur", points),), ())
    assert sorted(crossing_gaps_mm([one, across])) == pytest.approx([0.2, 0.25])


def test_dice_of_nothing_is_not_a_number() -> None:
    assert np.isnan(dice(np.zeros(3, bool), np.zeros(3, bool)))


def test_twenty_slices_are_drawn() -> None:
    assert len(all_outlines()) == 20
    assert sum(d.plane == "sagittal" for d in all_outlines()) == 16
    assert {d.name for d in all_outlines(SECOND)} <= {d.name for d in all_outlines()}
    assert len(all_outlines(SECOND)) >= 3


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_file_is_whole(path: Path) -> None:
    read = json.loads(path.read_text())
    assert read["drawn_by"] == "developer, not a radiologist"
    assert set(read) == {
        "format", "folder", "series", "series_uid_sha256", "plane", "fixed_axis", "fixed_index",
        "plane_point_ras_mm", "plane_normal_ras", "grid", "drawn_by", "date", "notes", "outlines",
        "unsure",
    }  # fmt: skip
    grid = Grid(tuple(read["grid"]["shape"]), np.array(read["grid"]["affine"]))
    axis = "ijk".index(read["fixed_axis"])
    normal, point = np.array(read["plane_normal_ras"]), np.array(read["plane_point_ras_mm"])
    for line in read["outlines"] + read["unsure"]:
        index, ras = np.array(line["index"]), np.array(line["ras_mm"])
        assert len(index) >= 3
        assert (index[:, axis] == read["fixed_index"]).all()
        assert np.abs(grid.to_ras(index) - ras).max() < 0.02
        assert np.abs((ras - point) @ normal).max() < 0.05
    known = set(bone_registry())
    assert {line["bone"] for line in read["outlines"]} <= known


def test_bones_of_one_slice_do_not_overlap() -> None:
    for one in all_outlines() + all_outlines(SECOND):
        count = sum(one.mask(bone).astype(int) for bone in one.bones)
        assert count.max() == 1, one.name
        areas = {bone: one.mask(bone).sum() * one.pixel_mm2 for bone in one.bones}
        assert all(200 < area < 5000 for area in areas.values()), (one.name, areas)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("folder", sorted({d.folder for d in all_outlines()}))
def test_outlines_are_on_the_grid_of_the_series(folder: str, data: Path) -> None:
    import marrowlight

    source = data / "dicom" / folder
    if not source.is_dir():
        pytest.skip(f"real series not found: {folder}")
    grid = marrowlight.open_study(source).series[0].volume.grid
    for one in all_outlines():
        if one.folder == folder:
            assert one.grid.matches(grid, 1e-3), one.name
