"""Insertion zones of hip and ankle."""

import numpy as np
import pytest

from benchmarks.zones_hip_ankle import label_map
from marrowlight.anatomy.distance import depth_mm
from marrowlight.anatomy.zones_of import zones_of
from marrowlight.phantom.phantom import make_phantom
from marrowlight.phantom.spec import PhantomSpec
from marrowlight.study.study import Joint


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


def test_every_insertion_is_provisional():
    zones = zones_of(phantom(Joint.ANKLE), joint=Joint.ANKLE)
    assert all(z.provisional for z in zones.of_system("insertions"))
