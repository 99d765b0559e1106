"""The figures of the bone benchmarks, on shapes whose answer is known."""

import functools
import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.bone_cases import Kept, Outcome, dice, made_study, median_dice, pooled_dice, run_all
from benchmarks.bones_contrast import aligned
from benchmarks.bones_outlines import compare
from benchmarks.bones_painted import (
    canvas_of,
    choose_places,
    far_apart,
    kept_share,
    level_there,
    paint,
)
from benchmarks.bones_refused import must_refuse, right_or_refused, two_knees
from benchmarks.bones_synthetic import figures, summary
from benchmarks.outline_masks import Outline, SliceOutlines
from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.study.grid import Grid
from marrowlight.study.series import Role
from marrowlight.study.study import Joint, Side
from tests.anatomy.made_knee import sagittal_grid

LABELS = {"femur": 1, "tibia": 2, "patella": 4}
GRID = sagittal_grid(pixel=1.2, slice_mm=3.0)


def knee_bones(grid=GRID, turn=0.0, shift=(0.0, 0.0, 0.0)):
    """Three unlike ellipsoids, moved as one."""
    index = np.indices(grid.shape).reshape(3, -1).T
    c, s = np.cos(turn), np.sin(turn)
    turned = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    x, y, z = ((grid.to_ras(index) - np.array(shift)) @ turned).T
    labels = np.zeros(len(index), np.uint8)
    labels[(x / 34) ** 2 + (y / 30) ** 2 + ((z - 26) / 20) ** 2 < 1] = 1
    labels[(x / 32) ** 2 + ((y + 3) / 20) ** 2 + ((z + 22) / 16) ** 2 < 1] = 2
    labels[(x / 18) ** 2 + ((y - 44) / 9) ** 2 + ((z - 24) / 17) ** 2 < 1] = 4
    bones = tuple(LabelledBone(n, b, Side.RIGHT) for b, n in LABELS.items())
    return BoneMap(labels.reshape(grid.shape), grid, bones, "made")


def found(bones):
    """An outcome as find_bones gives it, as far as the checks look."""
    return Outcome(SimpleNamespace(bones=bones, trust=()))


def test_dice_of_one_image_and_of_many():
    a, b = np.zeros(10, bool), np.zeros(10, bool)
    assert np.isnan(dice(a, b))
    a[:4], b[2:6] = True, True
    assert dice(a, b) == 0.5
    # Large images weigh more in the pooled figure and not in the median.
    counts = [(100, 100, 100), (10, 10, 0), (10, 10, 0)]
    assert pooled_dice(counts) == pytest.approx(200 / 240)
    assert median_dice(counts) == 0.0


def test_a_run_that_was_broken_off_goes_on(tmp_path, monkeypatch):
    network = SimpleNamespace(sha256="a" * 64)
    monkeypatch.setattr("benchmarks.bone_cases.network_of", lambda folder: network)
    kept = Kept("x", network, tmp_path)
    kept.add("one", {"value": 1})
    with kept.file.open("a") as file:
        file.write('{"key": "two", "res')
    again = Kept("x", network, tmp_path)
    assert again.results == {"one": {"value": 1}}
    calls = []

    def work(_, job):
        calls.append(job)
        return {"value": job}

    jobs = {"one": 7, "two": 8}
    assert dict(run_all(work, jobs, again, weights=None)) == {
        "one": {"value": 1},
        "two": {"value": 8},
    }
    assert calls == [8]
    assert Kept("x", SimpleNamespace(sha256="b" * 64), tmp_path).results == {}


def test_a_rigid_motion_between_two_maps_is_found():
    other = sagittal_grid(pixel=1.0, slice_mm=2.5)
    moved = knee_bones(other, turn=0.06, shift=(1.0, -3.0, 2.0))
    result = aligned(knee_bones(), moved, step=2.0)
    for bone in LABELS:
        assert result[bone]["knee"] > 0.94, bone
        assert result[bone]["knee"] > result[bone]["before"] + 0.02, bone
        assert result[bone]["bone"] > 0.93, bone
    assert result["femur"]["bone_turn_deg"] == pytest.approx(np.degrees(0.06), abs=1.5)


def test_a_bone_that_is_refused_counts_as_zero():
    def row(true, both, refused="", plane="axial"):
        found = 0 if refused else true
        return {"site": "knee", "plane": plane, "family": "x", "bone": "femur", "stack": "s",
                "true": true, "found": found, "both": both, "refused": refused}  # fmt: skip

    rows = [row(100, 100), row(100, 100), row(100, 0, "cut off", "coronal")]
    result = figures(rows)
    assert result["refused"] == 1
    assert result["pooled"] == pytest.approx(400 / 500)
    assert result["pooled_read"] == 1.0
    one = summary(rows)[0]
    assert (one["worst_cell"], one["worst_pooled"]) == ("coronal x", 0.0)
    assert (one["cells_below"], one["of_worst"]) == (1, "missed")


@functools.cache
def canvas(role):
    bones = knee_bones()
    rng = np.random.default_rng(1)
    image = np.where(bones.mask, 100.0, 250.0) + rng.normal(0, 5, GRID.shape)
    study = made_study(image.astype(np.float32), GRID.affine, Joint.KNEE, role=role)
    return bones, canvas_of(study.series[0], bones)


@pytest.mark.parametrize("role", [Role.PD_FS, Role.T1])
def test_lesions_are_painted_in_bone_alone_and_as_the_series_asks(role):
    bones, on = canvas(role)
    place = tuple(GRID.to_ras(np.argwhere(bones.labels == 1).mean(axis=0)))
    before, after = on.series.volume.voxels, paint(on, [place], 7.0)
    change = np.abs(after - before)
    assert change[~bones.mask].max() == 0
    gap = np.linalg.norm(GRID.to_ras(np.argwhere(bones.mask)) - np.array(place), axis=1)
    assert change[bones.mask][gap > 14].max() < 1.0
    level = float(after[bones.mask][gap < 5].mean())
    assert level == pytest.approx(255.0 if role is Role.PD_FS else 45.0, rel=0.06)


def test_fluid_is_never_painted_darker_than_twice_marrow():
    image = np.full((20, 20, 20), 50.0, np.float32)
    inside = np.zeros(image.shape, bool)
    inside[5:15] = True
    image[inside] = 100.0
    assert level_there(image, inside, 100.0, bright=True) == 200.0
    assert level_there(image, inside, 100.0, bright=False) == pytest.approx(45.0)


def test_places_lie_in_bone_and_lesions_of_one_image_far_apart():
    bones = knee_bones()
    places = choose_places(bones, 20, np.random.default_rng(5))
    assert places == choose_places(bones, 20, np.random.default_rng(5))
    assert [w for w, _ in places].count("edge") == 10
    for _, place in places:
        assert bones.mask[tuple(np.rint(GRID.to_index(place)).astype(int))]
    groups = far_apart([p for _, p in places], 14.0)
    assert sorted(itertools.chain(*groups)) == list(range(20))
    for group in groups:
        points = np.array([places[n][1] for n in group])
        assert all(np.linalg.norm(a - b) >= 38 for a, b in itertools.combinations(points, 2))


def test_the_share_that_is_still_bone():
    bones = knee_bones()
    # Between two slices, so that half of the lesion lies on either side.
    place = (1.5, 0.0, 26.0)
    assert kept_share(bones, bones, place, 7.0) == 1.0
    labels = bones.labels.copy()
    x = GRID.to_ras(np.argwhere(labels > 0))[:, 0] > place[0]
    labels[tuple(np.argwhere(labels > 0)[x].T)] = 0
    half = BoneMap(labels, GRID, bones.bones, "made")
    assert kept_share(bones, half, place, 7.0) == pytest.approx(0.5, abs=0.05)
    assert kept_share(bones, bones, (0.0, 0.0, 900.0), 7.0) is None


def test_two_knees_stand_on_their_sides_and_a_wrong_one_fails():
    bones = knee_bones()
    image = np.where(bones.mask, 1.0, 0.02).astype(np.float32)
    case = two_knees("made", made_study(image, GRID.affine, Joint.KNEE), bones)
    grid = case.study.series[0].volume.grid
    voxels = case.study.series[0].volume.voxels
    ras = grid.to_ras(np.argwhere(voxels > 0.9))
    assert ras[:, 0].mean() == pytest.approx(0.0, abs=1.0)
    assert np.abs(ras[:, 0]).min() > 20
    # The patella is in front on both sides, the femur above.
    right = np.zeros(voxels.shape, np.uint8)
    right[
        (voxels > 0.9) & (grid.to_ras(np.moveaxis(np.indices(voxels.shape), 0, -1))[..., 0] > 0)
    ] = 1
    both = BoneMap(right, grid, (LabelledBone(1, "femur", Side.RIGHT),), "made")
    passed, what = case.check(found(both))
    assert not passed
    assert what.startswith("WRONG")


def test_what_is_read_must_be_right_and_what_must_be_refused_must_not_be_read():
    bones = knee_bones()

    def truth(_, bone, side):
        mask = bones.labels == LABELS[bone]
        return mask if bone != "patella" else None

    check = right_or_refused(truth)
    assert check(Outcome(None, "BonesNotFound", "no"))[0]
    assert not check(found(bones))[0], "a patella that is not there was read"
    two = BoneMap(
        np.where(bones.labels == 4, 0, bones.labels).astype(np.uint8), GRID, bones.bones[:2], ""
    )
    assert check(found(two))[0]
    swapped = np.array([0, 2, 1], np.uint8)[two.labels]
    assert not check(found(BoneMap(swapped, GRID, bones.bones[:2], "")))[0]
    assert must_refuse(Outcome(None, "NotThisJoint", "x")) == (True, "refused")
    assert must_refuse(Outcome(None, "SliceError", "x")) == (True, "refused otherwise")
    assert not must_refuse(found(bones))[0]


def test_outlines_are_compared_with_the_plane_they_were_drawn_on():
    grid = Grid((30, 30, 9), np.diag([1.0, 1.0, 3.0, 1.0]))
    labels = np.zeros(grid.shape, np.uint8)
    labels[5:15, 5:15, 4] = 1
    labels[20:25, 20:25, 4] = 2
    bones = BoneMap(labels, grid, (LabelledBone(1, "femur"), LabelledBone(2, "tibia")), "made")

    def drawn(position):
        corners = np.array([[4.5, 4.5], [14.5, 4.5], [14.5, 14.5], [4.5, 14.5]])
        points = np.column_stack([corners, np.full(4, position)])
        return SliceOutlines("x", "f", "axial", 2, position, grid, (Outline("femur", points),), ())

    rows = {r["bone"]: r for r in compare(drawn(4), bones)}
    assert rows["femur"]["dice"] == 1.0
    assert rows["tibia"]["dice"] is None
    assert rows["tibia"]["found_mm2"] == 25.0
    assert compare(drawn(3), bones)[0]["dice"] == 0.0
    assert compare(drawn(4), None)[0]["dice"] == 0.0
