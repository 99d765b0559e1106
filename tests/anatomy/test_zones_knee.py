"""Zones of the knee: MOAKS, WORMS and BLOKS on bones of known shape."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from benchmarks.zones_knee import knee_map
from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.anatomy.zone_rules import checked_system, zone_systems
from marrowlight.anatomy.zonemap import ZoneMap
from marrowlight.anatomy.zones_of import zones_of
from marrowlight.errors import KnowledgeError
from marrowlight.phantom.phantom import make_phantom
from marrowlight.phantom.spec import PhantomSpec
from marrowlight.study.grid import Grid
from marrowlight.study.study import Joint, Side
from tests.anatomy.mirror import mirrored

SYSTEMS = {"moaks": 15, "worms": 15, "bloks": 9}


@cache
def phantom(side: Side = Side.RIGHT) -> BoneMap:
    spec = PhantomSpec(side=side, also=(), edema=(), pixel_mm=1.2, slice_mm=3.0, samples=1)
    return make_phantom(spec).bones


def without_side(bones: BoneMap, *, but: tuple[str, ...] = ()) -> BoneMap:
    kept = tuple(LabelledBone(b.label, b.bone) for b in bones.bones if b.bone not in but)
    labels = np.where(np.isin(bones.labels, [b.label for b in kept]), bones.labels, 0)
    return BoneMap(labels.astype(np.uint8), bones.grid, kept, bones.source)


@cache
def zones(side: Side = Side.RIGHT) -> ZoneMap:
    return zones_of(phantom(side), joint=Joint.KNEE)


def middle(zone_map: ZoneMap, system: str) -> dict[str, np.ndarray]:
    """Centre of mass of each zone, lateral, anterior, superior mm of a right knee."""
    return {
        z.id: zone_map.grid.to_ras(np.argwhere(zone_map.of(z)).astype(float)).mean(axis=0)
        for z in zone_map.of_system(system)
    }


@pytest.mark.parametrize(("system", "count"), SYSTEMS.items())
def test_every_region_is_there_and_holds_bone(system: str, count: int) -> None:
    of_system = zones().of_system(system)
    assert len(of_system) == count
    assert all(zones().volume_mm3(z) > 1000 for z in of_system)
    assert not zones().unplaced


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_zone_holds_only_voxels_of_its_bone(system: str) -> None:
    labels = {b.bone: b.label for b in phantom().bones}
    for zone in zones().of_system(system):
        assert (phantom().labels[zones().of(zone)] == labels[zone.bone]).all()


def test_moaks_regions_lie_where_anatomy_has_them() -> None:
    at = middle(zones(), "moaks")
    x, y, z = ({k: v[n] for k, v in at.items()} for n in range(3))
    for part in ("patella", "femur_{}_trochlea", "femur_{}_central", "tibia_{}_anterior"):
        pair = part if "{}" in part else part + "_{}"
        assert x[pair.format("lateral")] > x[pair.format("medial")] + 10
    for side in ("medial", "lateral"):
        order = [y[f"femur_{side}_{p}"] for p in ("posterior", "central", "trochlea")]
        assert order == sorted(order)
        order = [y[f"tibia_{side}_{p}"] for p in ("posterior", "central", "anterior")]
        assert order == sorted(order)
        assert z[f"femur_{side}_central"] > z[f"tibia_{side}_central"] + 15
    assert x["tibia_medial_central"] < x["tibia_subspinous"] < x["tibia_lateral_central"]


def test_shafts_and_fibula_are_outside() -> None:
    bones = phantom()
    moaks = zones().maps["moaks"]
    place = bones.grid.to_ras(np.argwhere(bones.mask).astype(float))
    height = place[:, 2] - middle(zones(), "moaks")["tibia_subspinous"][2]
    inside = moaks[bones.mask] > 0
    assert not inside[height > 62].any()
    assert not inside[height < -25].any()
    fibula = next(b for b in bones.bones if b.bone == "fibula")
    assert not moaks[bones.of(fibula)].any()


def test_bloks_joins_what_moaks_parts() -> None:
    moaks, bloks = ({z.id: zones().of(z) for z in zones().of_system(s)} for s in ("moaks", "bloks"))
    for side in ("medial", "lateral"):
        behind = moaks[f"femur_{side}_central"] | moaks[f"femur_{side}_posterior"]
        assert (bloks[f"femur_{side}_weight_bearing"] == behind).all()
        thirds = [moaks[f"tibia_{side}_{p}"] for p in ("anterior", "central", "posterior")]
        assert (bloks[f"tibia_{side}_weight_bearing"] == np.logical_or.reduce(thirds)).all()


def test_the_thirds_of_the_tibia_are_about_equal() -> None:
    volume = {z.id: zones().volume_mm3(z) for z in zones().of_system("moaks")}
    for side in ("medial", "lateral"):
        parts = [volume[f"tibia_{side}_{p}"] for p in ("anterior", "central", "posterior")]
        assert min(parts) > 0.6 * max(parts)


def test_a_mirrored_knee_has_mirrored_zones() -> None:
    other = zones_of(mirrored(phantom()), joint=Joint.KNEE)
    for system in SYSTEMS:
        different = (zones().maps[system] != other.maps[system])[phantom().mask]
        assert different.mean() < 1e-3


def test_a_left_knee_has_the_zones_of_a_left_knee() -> None:
    at = middle(zones(Side.LEFT), "moaks")
    assert at["femur_lateral_central"][0] < at["femur_medial_central"][0] - 10
    assert at["tibia_lateral_central"][0] < at["tibia_medial_central"][0] - 10


@pytest.mark.parametrize("side", [Side.RIGHT, Side.LEFT])
def test_the_fibula_tells_a_side_that_nobody_gave(side: Side) -> None:
    found = zones_of(without_side(phantom(side)), joint=Joint.KNEE)
    assert (found.maps["moaks"] == zones(side).maps["moaks"]).all()
    (notice,) = found.notices
    assert notice.code == "side-from-shape"
    assert side.value in notice.text


def test_bones_that_do_not_tell_their_side_have_no_zones() -> None:
    only = without_side(phantom(), but=("femur", "fibula", "patella"))
    symmetric = only.labels | np.flip(
        only.labels, axis=int(np.abs(only.grid.affine[0, :3]).argmax())
    )
    found = zones_of(BoneMap(symmetric, only.grid, only.bones, ""), joint=Joint.KNEE)
    assert not found.maps["moaks"].any()
    assert [bone for bone, _ in found.unplaced] == ["tibia"]


def test_a_side_that_the_bones_contradict_is_kept_and_said() -> None:
    bones = without_side(phantom(Side.RIGHT))
    found = zones_of(bones, joint=Joint.KNEE, side=Side.LEFT)
    assert "side-differs" in {n.code for n in found.notices}
    at = middle(found, "moaks")
    assert at["femur_lateral_central"][0] < at["femur_medial_central"][0]


def cut(bones: BoneMap, keep: slice, ras_axis: int) -> BoneMap:
    """Only these slices along the axis of the image that is nearest to an axis of the body."""
    axis = int(np.abs(bones.grid.affine[ras_axis, :3]).argmax())
    part = [slice(None)] * 3
    part[axis] = keep
    labels = bones.labels[tuple(part)]
    start = [0, 0, 0]
    start[axis] = keep.start or 0
    there = tuple(b for b in bones.bones if (labels == b.label).any())
    return BoneMap(labels, bones.grid.part(start, labels.shape), there, "")


def test_a_condyle_that_the_image_cuts_off_is_not_measured() -> None:
    axis = int(np.abs(phantom().grid.affine[0, :3]).argmax())
    half = phantom().grid.shape[axis] // 2
    found = zones_of(cut(phantom(), slice(0, half), 0), joint=Joint.KNEE)
    assert {"femur", "tibia"} <= {bone for bone, _ in found.unplaced}
    for zone in found.of_system("moaks"):
        assert zone.bone == "patella" or not found.voxels(zone)


def test_a_knee_upside_down_is_refused() -> None:
    bones = phantom()
    turned = Grid(bones.grid.shape, np.diag([-1.0, 1.0, -1.0, 1.0]) @ bones.grid.affine)
    found = zones_of(BoneMap(bones.labels, turned, bones.bones, ""), joint=Joint.KNEE)
    assert not found.maps["moaks"].any()
    assert all("upside down" in why for _, why in found.unplaced)


def test_thick_slices_move_few_voxels() -> None:
    fine = phantom()
    axis = int(np.argmax(fine.grid.spacing))
    part = [slice(None)] * 3
    part[axis] = slice(0, None, 2)
    labels = fine.labels[tuple(part)]
    affine = fine.grid.affine.copy()
    affine[:, axis] *= 2
    thick = BoneMap(labels, Grid(labels.shape, affine), fine.bones, "")
    found = zones_of(thick, joint=Joint.KNEE).maps["moaks"]
    same = (found == zones().maps["moaks"][tuple(part)])[thick.mask]
    assert same.mean() > 0.95


def test_shares_of_a_mask_add_up() -> None:
    mask = phantom().mask & (np.arange(phantom().grid.shape[0])[:, None, None] % 3 == 0)
    shares = zones().shares("moaks", mask)
    assert sum(shares.values()) == pytest.approx(1)
    assert None in shares
    assert zones().shares("moaks", np.zeros_like(mask)) == {}


def test_only_what_was_read_on_a_page_is_not_provisional() -> None:
    for system in zone_systems():
        for rule in system.zones:
            assert rule.zone(system.system).provisional == (rule.status != "page")


@pytest.mark.parametrize(
    "broken",
    [
        {"source": "nobody1999"},
        {"bone": "wing"},
        {"status": "sure"},
        {"where": []},
        {"where": [{"of": "lateral_mm"}]},
        {"where": [{"of": "lateral_mm", "from": 2, "to": 1}]},
        {"where": [{"near": "tuberosity"}]},
    ],
)
def test_a_broken_rule_is_refused_when_loaded(broken: dict[str, object]) -> None:
    rule = {
        "id": "a", "label": 1, "bone": "femur", "name": "A zone", "source": "in_house",
        "status": "in_house", "approximate": False, "where": [{"of": "lateral_mm", "to": 0}],
    }  # fmt: skip
    system = {"version": 1, "system": "x", "joint": "knee", "title": "X", "about": "x"}
    checked_system({**system, "zones": [rule]}, "x.yaml")
    with pytest.raises(KnowledgeError):
        checked_system({**system, "zones": [{**rule, **broken}]}, "x.yaml")


def test_a_real_knee_has_all_regions_of_plausible_size(data) -> None:
    bones = knee_map(data / "anatomy" / "knee" / "zib_9017909.nii.gz")
    found = zones_of(bones, joint=Joint.KNEE)
    for system in SYSTEMS:
        ml = {z.id: found.volume_mm3(z) / 1000 for z in found.of_system(system)}
        assert all(3 < v < 90 for v in ml.values()), ml
    assert "right" in found.notices[0].text
