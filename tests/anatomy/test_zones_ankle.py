"""Zones of the ankle, on phantoms and on real label maps."""

import numpy as np
import pytest

from benchmarks.zones_hip_ankle import different_share, label_map, mirrored
from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.anatomy.zones_of import zones_of
from marrowlight.phantom.phantom import make_phantom
from marrowlight.phantom.spec import PhantomSpec
from marrowlight.study.grid import Grid
from marrowlight.study.study import Joint, Side

NOT_IN_PHANTOM = {"cuneiforms", "metatarsal_bases_1_3", "metatarsal_bases_4_5"}


def phantom(side=Side.RIGHT, tilt_deg=4.0):
    spec = PhantomSpec(
        joint=Joint.ANKLE, side=side, also=(), edema=(),
        pixel_mm=1.5, slice_mm=3.0, samples=1, tilt_deg=tilt_deg,
    )  # fmt: skip
    return make_phantom(spec).bones


@pytest.fixture(scope="module", params=[Side.RIGHT, Side.LEFT])
def ankle(request):
    return phantom(request.param)


@pytest.fixture(scope="module")
def right():
    return phantom()


def only(bones, names):
    kept = tuple(b for b in bones.bones if b.bone in names)
    labels = np.where(np.isin(bones.labels, [b.label for b in kept]), bones.labels, 0)
    return BoneMap(labels.astype(np.uint8), bones.grid, kept, "")


def centres(zones, bones):
    return {
        z.id: bones.grid.to_ras(np.argwhere(zones.of(z)).astype(float)).mean(axis=0)
        for z in zones.of_system("ankle")
        if zones.voxels(z)
    }


def turned(points_to, degrees, about):
    """(4, 4) rotation in the sagittal plane, the foot downwards, about a point."""
    a = np.radians(degrees)
    turn = np.array([[1, 0, 0], [0, np.cos(a), np.sin(a)], [0, -np.sin(a), np.cos(a)]])
    out = np.eye(4)
    out[:3, :3], out[:3, 3] = turn, about - turn @ about
    return out @ points_to


def test_every_zone_of_its_bones_is_found(ankle):
    zones = zones_of(ankle, joint=Joint.ANKLE)
    assert {z.id for z in zones.zones if not zones.voxels(z)} == NOT_IN_PHANTOM
    assert not zones.unplaced


def test_the_nine_zones_of_the_dome_lie_as_they_are_numbered(ankle):
    at = centres(zones_of(ankle, joint=Joint.ANKLE), ankle)
    out = 1 if ankle.bones[0].side is Side.RIGHT else -1
    for row in (1, 4, 7):
        across = [at[f"dome_{row + n}"][0] * out for n in range(3)]
        assert across == sorted(across)
        assert across[2] - across[0] > 10
    for column in (1, 2, 3):
        front = [at[f"dome_{column + n}"][1] for n in (6, 3, 0)]
        assert front == sorted(front)
        assert front[2] - front[0] > 10
        top = at[f"dome_{column + 3}"][2]
        assert top > at["talar_body"][2] + 5


def test_the_nine_zones_are_about_equal(ankle):
    zones = zones_of(ankle, joint=Joint.ANKLE)
    ml = [zones.volume_mm3(z) for z in zones.of_system("ankle") if z.id.startswith("dome_")]
    assert len(ml) == 9
    assert max(ml) < 1.8 * min(ml)


def test_the_other_zones_lie_where_anatomy_has_them(ankle):
    at = centres(zones_of(ankle, joint=Joint.ANKLE), ankle)
    out = 1 if ankle.bones[0].side is Side.RIGHT else -1
    order = ["medial_malleolus", "plafond_medial", "plafond_lateral", "lateral_malleolus"]
    across = [at[name][0] * out for name in order]
    assert across == sorted(across)
    assert at["plafond_medial"][2] > at["medial_malleolus"][2] + 5
    front = ["calcaneus_posterior", "calcaneus_middle", "calcaneus_anterior", "cuboid"]
    assert [at[n][1] for n in front] == sorted(at[n][1] for n in front)
    assert at["talar_body"][1] < at["talar_neck"][1] < at["talar_head"][1] < at["navicular"][1]


def test_long_bones_are_outside_beyond_two_centimetres(right):
    zones = zones_of(right, joint=Joint.ANKLE)
    tibia = right.grid.to_ras(np.argwhere(right.labels == 2).astype(float))
    labels = zones.maps["ankle"][right.labels == 2]
    dome = centres(zones, right)["dome_5"][2]
    assert (labels[tibia[:, 2] > dome + 40] == 0).all()
    assert (labels[np.abs(tibia[:, 2] - dome - 15) < 3] > 0).all()


def test_mirror_image_gives_mirrored_zones(ankle):
    assert different_share(
        zones_of(ankle, joint=Joint.ANKLE), zones_of(mirrored(ankle), joint=Joint.ANKLE), ankle
    ) == pytest.approx(0, abs=1e-4)


def test_side_is_read_from_the_fibula(ankle):
    nobody = tuple(LabelledBone(b.label, b.bone) for b in ankle.bones)
    found = zones_of(BoneMap(ankle.labels, ankle.grid, nobody, ""), joint=Joint.ANKLE)
    assert [n.code for n in found.notices] == ["side-from-shape"]
    assert (found.maps["ankle"] == zones_of(ankle, joint=Joint.ANKLE).maps["ankle"]).all()


def test_without_fibula_and_side_nothing_is_placed(right):
    bones = only(right, {"tibia", "talus", "calcaneus"})
    nobody = tuple(LabelledBone(b.label, b.bone) for b in bones.bones)
    found = zones_of(BoneMap(bones.labels, bones.grid, nobody, ""), joint=Joint.ANKLE)
    assert {b for b, _ in found.unplaced} == {"tibia", "talus", "calcaneus"}
    assert all("side is not known" in why for _, why in found.unplaced)


def test_a_talus_without_tibia_is_not_placed(right):
    found = zones_of(only(right, {"talus", "calcaneus"}), joint=Joint.ANKLE)
    assert "tibia" in dict(found.unplaced)["talus"]
    assert not found.maps["ankle"].any()


def test_a_heel_that_is_cut_off_is_not_placed_but_the_talus_is(right):
    behind = right.grid.to_ras(np.argwhere(right.labels == 8).astype(float))[:, 1].min() + 15
    axis = int(np.abs(right.grid.affine[1, :3]).argmax())
    at = int(right.grid.to_index([[*right.grid.corners().mean(axis=0)[:1], behind, 0]])[0, axis])
    keep = slice(0, at) if right.grid.affine[1, axis] < 0 else slice(at, None)
    part = [slice(None)] * 3
    part[axis] = keep
    labels = right.labels[tuple(part)]
    grid = right.grid.part([s.start or 0 for s in part], labels.shape)
    found = zones_of(BoneMap(labels, grid, right.bones, ""), joint=Joint.ANKLE)
    assert dict(found.unplaced) == {"calcaneus": "it is cut off by the edge of the image"}
    assert all(found.voxels(z) for z in found.zones if z.id.startswith("dome_"))
    assert not any(found.voxels(z) for z in found.zones if z.bone == "calcaneus")


def test_the_dome_turns_with_the_foot(right):
    """A talus 20 degrees plantarflexed keeps the zones that it has in standing."""
    talus = right.labels == 7
    before = zones_of(right, joint=Joint.ANKLE).maps["ankle"]
    dome = right.grid.to_ras(np.argwhere(talus).astype(float))
    about = np.array([dome[:, 0].mean(), dome[:, 1].mean() - 6, dome[:, 2].max() - 20.5])
    # The leg is turned the other way about the axis of the dome: the same pose, seen from the foot.
    leg = np.isin(right.labels, [2, 3])
    world = np.linalg.inv(turned(np.eye(4), -20, about))
    moved = np.zeros_like(right.labels)
    index = np.argwhere(np.ones(right.grid.shape, bool))
    ras = right.grid.to_ras(index.astype(float)) @ world[:3, :3].T + world[:3, 3]
    source = np.round(right.grid.to_index(ras)).astype(int)
    inside = ((source >= 0) & (source < right.grid.shape)).all(axis=1)
    taken = np.zeros(len(index), np.uint8)
    taken[inside] = np.where(leg, right.labels, 0)[tuple(source[inside].T)]
    moved[tuple(index.T)] = taken
    moved[~leg & (right.labels > 0)] = right.labels[~leg & (right.labels > 0)]
    after = zones_of(BoneMap(moved, right.grid, right.bones, ""), joint=Joint.ANKLE).maps["ankle"]
    assert (after[talus] == before[talus]).mean() > 0.8


def test_an_ankle_upside_down_is_refused(right):
    over = Grid(right.grid.shape, np.diag([1.0, 1.0, -1.0, 1.0]) @ right.grid.affine)
    found = zones_of(BoneMap(right.labels, over, right.bones, ""), joint=Joint.ANKLE)
    assert "talus" in dict(found.unplaced)
    assert not found.maps["ankle"].any()


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("ankle/talocrural_L01_realfoot", set()),
        ("ankle/talocrural_R07_cal-Norm03_mid-L01", set()),
        ("evaluation_only/ankle/staple_TLEM2_MRI_L", {"cuboid"}),  # equinus, forefoot cut off
    ],
)
def test_real_ankles(data, name, missing):
    bones = label_map(data / "anatomy" / f"{name}.nii.gz")
    zones = zones_of(bones, joint=Joint.ANKLE)
    assert {b for b, _ in zones.unplaced} == missing
    ml = {z.id: zones.volume_mm3(z) / 1000 for z in zones.of_system("ankle")}
    dome = [v for k, v in ml.items() if k.startswith("dome_")]
    assert min(dome) > 0.4
    assert max(dome) < 3
    assert max(dome) < 2.2 * min(dome)
    assert 1 < ml["talar_neck"] < 9
    assert 1.5 < ml["talar_head"] < 12
    assert 0.5 < ml["medial_malleolus"] < 6
    assert 3 < ml["lateral_malleolus"] < 14
    assert ml["plafond_medial"] == pytest.approx(ml["plafond_lateral"], rel=0.6)
