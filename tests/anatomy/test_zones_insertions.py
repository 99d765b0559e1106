"""Insertion zones of hip, ankle and knee."""

import numpy as np
import pytest

from benchmarks.zones_hip_ankle import label_map
from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.anatomy.distance import depth_mm
from marrowlight.anatomy.frame import Frame, PlacedBone, Placement
from marrowlight.anatomy.insertions import with_knee_insertions
from marrowlight.anatomy.zone_rules import zone_systems
from marrowlight.anatomy.zones_of import apply_systems, zones_of
from marrowlight.phantom.phantom import make_phantom
from marrowlight.phantom.spec import PhantomSpec
from marrowlight.study.study import Joint, Side


def places(zones, bones):
    return {
        z.id: bones.grid.to_ras(np.argwhere(zones.of(z)).astype(float))
        for z in zones.of_system("insertions")
    }


def phantom(joint):
    spec = PhantomSpec(joint=joint, also=(), edema=(), pixel_mm=1.5, slice_mm=3.0, samples=1)
    return make_phantom(spec).bones


def test_heel_insertions_lie_behind_and_below():
    bones = phantom(Joint.ANKLE)
    zones = zones_of(bones, joint=Joint.ANKLE)
    at = places(zones, bones)
    heel = bones.grid.to_ras(np.argwhere(bones.labels == 8).astype(float))
    assert at["achilles"][:, 1].mean() < heel[:, 1].min() + 12
    assert at["plantar_fascia"][:, 2].mean() < heel[:, 2].min() + 12
    assert at["plantar_fascia"][:, 2].mean() < at["achilles"][:, 2].mean() - 8
    assert at["plantar_fascia"][:, 0].mean() < heel[heel[:, 1] < heel[:, 1].min() + 30, 0].mean()
    heel_bone = next(b for b in bones.bones if b.bone == "calcaneus")
    depth = depth_mm(bones, heel_bone)
    for zone in zones.of_system("insertions"):
        assert np.nanmax(depth[zones.of(zone)]) < 10


def test_trochanter_insertions_lie_in_their_trochanters():
    bones = phantom(Joint.HIP)
    zones = zones_of(bones, joint=Joint.HIP)
    by_id = {z.id: zones.of(z) for z in zones.zones}
    assert (by_id["greater_trochanter"] | ~by_id["gluteal"]).all()
    near = by_id["iliopsoas"] & (by_id["lesser_trochanter"] | by_id["intertrochanteric"])
    assert near.sum() > 0.8 * by_id["iliopsoas"].sum()
    assert (by_id["iliopsoas"] & by_id["lesser_trochanter"]).sum() > 0.3 * near.sum()


def test_adductors_start_at_the_front_of_the_pubis():
    spec = PhantomSpec(
        joint=Joint.HIP, also=(), edema=(), pixel_mm=1.5, slice_mm=3.0, samples=1, fov_mm=300
    )
    bones = make_phantom(spec).bones
    zones = zones_of(bones, joint=Joint.HIP)
    origin = places(zones, bones)["adductors"]
    hip_bone = bones.grid.to_ras(np.argwhere(bones.labels == 5).astype(float))
    inner = hip_bone[:, 0].min()  # a right hip: medial is to the left
    assert len(origin)
    assert origin[:, 0].mean() < inner + 25
    body = hip_bone[(hip_bone[:, 0] < inner + 25) & (hip_bone[:, 2] > -60)]
    assert origin[:, 1].mean() > body[:, 1].mean() - 3


@pytest.mark.parametrize(
    ("name", "joint", "least_ml", "most_ml"),
    [
        ("hip/libhip_m05R_llp26pelvis", Joint.HIP, 1.0, 20.0),
        ("evaluation_only/ankle/staple_JIA_MRI_R", Joint.ANKLE, 1.0, 8.0),
    ],
)
def test_real_maps(data, name, joint, least_ml, most_ml):
    zones = zones_of(label_map(data / "anatomy" / f"{name}.nii.gz"), joint=joint)
    for zone in zones.of_system("insertions"):
        if zone.id != "adductors":  # the symphysis is beyond the image in most maps
            assert least_ml < zones.volume_mm3(zone) / 1000 < most_ml


def knee_landmarks(bones):
    """With a frame that is straight in the body, so that only the landmarks are under test."""
    out = 1.0 if bones.bones[0].side is Side.RIGHT else -1.0
    straight = Frame(np.zeros(3), np.diag([out, 1.0, 1.0]))
    placed = tuple(PlacedBone(b, b.side, straight, {}, {}) for b in bones.bones)
    placement = with_knee_insertions(bones, Placement(placed))
    marks = {k: straight.of(v[None])[0] for p in placement.placed for k, v in p.landmarks.items()}
    systems = [s for s in zone_systems() if (s.joint, s.system) == (Joint.KNEE, "insertions")]
    return marks, apply_systems(bones, placement, systems)


@pytest.mark.parametrize("side", [Side.RIGHT, Side.LEFT])
def test_knee_insertions_lie_where_anatomy_has_them(side):
    spec = PhantomSpec(side=side, also=(), edema=(), pixel_mm=1.2, slice_mm=3.0, samples=1)
    bones = make_phantom(spec).bones
    at, zones = knee_landmarks(bones)
    assert all(zones.voxels(z) for z in zones.zones)
    lateral, front, up = ({k: v[n] for k, v in at.items()} for n in range(3))
    # Medial epicondyle, PCL on the medial wall, ACL on the lateral wall, lateral epicondyle.
    across = ["mcl_femur", "pcl_femur", "acl_femur", "lcl_femur"]
    assert [lateral[k] for k in across] == sorted(lateral[k] for k in across)
    assert front["acl_femur"] < front["pcl_femur"] - 5
    assert up["acl_femur"] > up["pcl_femur"]
    assert up["adductor_tubercle"] > up["mcl_femur"] + 4
    assert front["tuberosity"] > front["acl_tibia"] + 10 > front["pcl_tibia"] + 25
    assert up["pcl_tibia"] < up["acl_tibia"] - 5
    assert up["tuberosity"] < up["pcl_tibia"] - 8
    assert up["patella_base"] > up["patella_apex"] + 25
    assert lateral["lcl_fibula"] > lateral["tuberosity"] + 20


def test_a_tibia_cut_off_above_its_tuberosity_has_none():
    spec = PhantomSpec(also=(), edema=(), pixel_mm=1.2, slice_mm=3.0, samples=1, tilt_deg=0)
    bones = make_phantom(spec).bones
    axis = int(np.abs(bones.grid.affine[2, :3]).argmax())
    top = bones.grid.to_ras(np.argwhere(bones.labels == 2).astype(float))[:, 2].max()
    level = int(bones.grid.to_index([[0.0, 0.0, top - 26]])[0, axis])
    assert bones.grid.affine[2, axis] < 0  # the index runs downwards
    part = [slice(None)] * 3
    part[axis] = slice(0, level)
    labels = bones.labels[tuple(part)]
    grid = bones.grid.part((0, 0, 0), labels.shape)
    there = tuple(b for b in bones.bones if (labels == b.label).any())
    at, zones = knee_landmarks(BoneMap(labels, grid, there, ""))
    assert np.isnan(at["tuberosity"]).all()
    assert not np.isnan(at["acl_tibia"]).any()
    empty = {z.id for z in zones.zones if not zones.voxels(z)}
    assert "patellar_tendon_tibia" in empty


def test_every_insertion_is_provisional():
    zones = zones_of(phantom(Joint.ANKLE), joint=Joint.ANKLE)
    assert all(z.provisional for z in zones.of_system("insertions"))
