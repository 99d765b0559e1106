"""Zones of the hip, on phantoms and on real label maps."""

import numpy as np
import pytest

from benchmarks.zones_hip_ankle import different_share, label_map, mirrored
from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.anatomy.zones_of import zones_of
from marrowlight.phantom.phantom import make_phantom
from marrowlight.phantom.spec import PhantomSpec
from marrowlight.study.grid import Grid
from marrowlight.study.study import Joint, Side


@pytest.fixture(scope="module", params=[Side.RIGHT, Side.LEFT])
def hip(request):
    spec = PhantomSpec(
        joint=Joint.HIP, side=request.param, also=(), edema=(),
        pixel_mm=1.5, slice_mm=3.5, samples=1,
    )  # fmt: skip
    return make_phantom(spec).bones


@pytest.fixture(scope="module")
def right():
    spec = PhantomSpec(
        joint=Joint.HIP, also=(), edema=(), pixel_mm=1.5, slice_mm=3.5, samples=1, tilt_deg=0
    )
    return make_phantom(spec).bones


def cut(bones, axis, keep):
    """Only a part of the image along a voxel axis."""
    part = [slice(None)] * 3
    part[axis] = keep
    labels = bones.labels[tuple(part)]
    start = [s.start or 0 for s in part]
    there = tuple(b for b in bones.bones if (labels == b.label).any())
    return BoneMap(labels, bones.grid.part(start, labels.shape), there, bones.source)


def centre(zones, bones, name):
    zone = next(z for z in zones.zones if z.id == name)
    return bones.grid.to_ras(np.argwhere(zones.of(zone)).astype(float)).mean(axis=0)


def without_side(bones):
    nobody = tuple(LabelledBone(b.label, b.bone) for b in bones.bones)
    return BoneMap(bones.labels, bones.grid, nobody, bones.source)


def test_every_zone_but_the_pubis_is_found(hip):
    zones = zones_of(hip, joint=Joint.HIP)
    empty = {z.id for z in zones.zones if not zones.voxels(z)}
    # The symphysis of the phantom lies at the very border of the image.
    assert empty <= {"adductors"}
    assert not zones.unplaced


def test_zones_lie_where_anatomy_has_them(hip):
    zones = zones_of(hip, joint=Joint.HIP)
    out = 1 if hip.bones[0].side is Side.RIGHT else -1
    at = {z.id: centre(zones, hip, z.id) for z in zones.of_system("hip")}

    def lateral(a, b):
        return (at[a][0] - at[b][0]) * out > 3

    assert lateral("head_lateral_anterior", "head_central_anterior")
    assert lateral("head_central_posterior", "head_medial_posterior")
    assert lateral("acetabulum_roof_lateral_anterior", "acetabulum_roof_medial_anterior")
    assert lateral("greater_trochanter", "intertrochanteric")
    assert lateral("intertrochanteric", "lesser_trochanter")
    for third in ("medial", "central", "lateral"):
        assert at[f"head_{third}_anterior"][1] > at[f"head_{third}_posterior"][1] + 5
    assert at["neck_superior"][2] > at["neck_inferior"][2] + 5
    assert at["head_central_anterior"][2] > at["head_inferior"][2] + 10
    assert at["greater_trochanter"][2] > at["lesser_trochanter"][2] + 20
    assert at["lesser_trochanter"][1] < at["neck_superior"][1] - 5, "it points backwards"


def test_head_is_a_head_and_shaft_and_wing_are_outside(hip):
    zones = zones_of(hip, joint=Joint.HIP)
    head = sum(zones.volume_mm3(z) for z in zones.of_system("hip") if z.id.startswith("head_"))
    # A ball of 23.5 mm radius (54 ml) less what lies beyond the neck.
    assert 38_000 < head < 54_000
    # Edema in the lower shaft and high in the wing belongs to no zone.
    heights = hip.grid.to_ras(np.argwhere(hip.mask).astype(float))[:, 2]
    labels = zones.maps["hip"][hip.mask]
    middle = centre(zones, hip, "head_central_anterior")[2]
    assert (labels[heights < middle - 85] == 0).all()
    assert (labels[heights > middle + 60] == 0).all()


def test_mirror_image_gives_mirrored_zones(hip):
    assert different_share(
        zones_of(hip, joint=Joint.HIP), zones_of(mirrored(hip), joint=Joint.HIP), hip
    ) == pytest.approx(0, abs=1e-4)


def test_side_is_read_from_the_femur(hip):
    found = zones_of(without_side(hip), joint=Joint.HIP)
    assert [n.code for n in found.notices if n.code.startswith("side")] == ["side-from-shape"]
    for system, labels in zones_of(hip, joint=Joint.HIP).maps.items():
        assert (labels == found.maps[system]).all()


def test_a_wrong_side_is_said_and_the_shape_followed(right):
    wrong = tuple(LabelledBone(b.label, b.bone, Side.LEFT) for b in right.bones)
    found = zones_of(BoneMap(right.labels, right.grid, wrong, ""), joint=Joint.HIP)
    assert "side-differs" in {n.code for n in found.notices}
    assert (found.maps["hip"] == zones_of(right, joint=Joint.HIP).maps["hip"]).all()


def test_a_head_that_is_cut_off_has_no_zones(right):
    heights = right.grid.to_ras(np.argwhere(right.labels == 1).astype(float))[:, 2]
    axis = int(np.abs(right.grid.affine[2, :3]).argmax())
    level = right.grid.to_index([[0, 0, heights.max() - 20]])[0, axis]
    low = right.grid.affine[2, axis] < 0  # the index grows downwards
    keep = slice(int(level), None) if low else slice(0, int(level))
    found = zones_of(cut(right, axis, keep), joint=Joint.HIP)
    why = dict(found.unplaced)
    assert "cut off" in why["femur"] or "no femoral head" in why["femur"]
    assert "femoral head" in why["hip_bone"]
    assert not found.maps["hip"].any()


def test_upside_down_is_refused(right):
    turned = Grid(right.grid.shape, np.diag([1.0, 1.0, -1.0, 1.0]) @ right.grid.affine)
    found = zones_of(BoneMap(right.labels, turned, right.bones, ""), joint=Joint.HIP)
    assert "upside down" in dict(found.unplaced)["femur"]


def test_a_hip_bone_alone_is_not_placed(right):
    socket = np.where(right.labels == 5, 5, 0).astype(np.uint8)
    found = zones_of(
        BoneMap(socket, right.grid, (LabelledBone(5, "hip_bone", Side.RIGHT),), ""),
        joint=Joint.HIP,
    )
    assert "not in the bone map" in dict(found.unplaced)["femur"]
    assert "hip_bone" in dict(found.unplaced)


def test_two_hips_in_one_field_are_both_placed(right):
    """Left labels are 100 higher, as in maps that hold both sides."""
    grid = Grid((2 * right.grid.shape[0], *right.grid.shape[1:]), right.grid.affine)
    other = np.where(right.labels > 0, right.labels + 100, 0).astype(np.uint8)[::-1]
    # The index along I runs to the patient's left in this phantom.
    assert right.grid.affine[0, 0] < 0
    labels = np.concatenate([right.labels, other], axis=0)
    bones = tuple(
        LabelledBone(b.label + more, b.bone, side)
        for more, side in ((0, Side.RIGHT), (100, Side.LEFT))
        for b in right.bones
    )
    found = zones_of(BoneMap(labels, grid, bones, ""), joint=Joint.HIP)
    assert not found.unplaced
    here, there = np.split(found.maps["hip"], 2, axis=0)
    assert (here == zones_of(right, joint=Joint.HIP).maps["hip"]).mean() > 0.999
    assert (there[::-1] == here)[right.mask].mean() > 0.98


def test_both_femora_under_one_label_are_not_placed(right):
    both = np.concatenate([right.labels, right.labels[::-1]], axis=0)
    grid = Grid(both.shape, right.grid.affine)
    nobody = tuple(LabelledBone(b.label, b.bone) for b in right.bones)
    found = zones_of(BoneMap(both, grid, nobody, ""), joint=Joint.HIP)
    assert "two pieces" in dict(found.unplaced)["femur"]
    assert not found.maps["hip"].any()


def test_three_slices_are_too_few(right):
    found = zones_of(cut(right, 2, slice(10, 13)), joint=Joint.HIP)
    assert {b for b, _ in found.unplaced} == {"femur", "hip_bone"}
    assert not any(m.any() for m in found.maps.values())


@pytest.mark.parametrize(
    "name",
    [
        "hip/libhip_m02R_llp26pelvis",
        "hip/libhip_m08L_llp26pelvis",
        "evaluation_only/hip/staple_JIA_MRI_R",
    ],
)
def test_real_hips(data, name):
    bones = label_map(data / "anatomy" / f"{name}.nii.gz")
    zones = zones_of(bones, joint=Joint.HIP)
    assert not zones.unplaced
    empty = {z.id for z in zones.zones if not zones.voxels(z)}
    assert empty <= {"adductors"}
    ml = {z.id: zones.volume_mm3(z) / 1000 for z in zones.of_system("hip")}
    head = sum(v for k, v in ml.items() if k.startswith("head_"))
    neck = ml["neck_superior"] + ml["neck_inferior"]
    assert 25 < head < 75
    assert 4 < neck < 30
    assert 15 < ml["greater_trochanter"] < 45
    assert 0.5 < ml["lesser_trochanter"] < 9
    sectors = [v for k, v in ml.items() if k.startswith("head_") and "terior" in k]
    assert max(sectors) < 1.5 * min(sectors), "thirds and halves of a round head are alike"
