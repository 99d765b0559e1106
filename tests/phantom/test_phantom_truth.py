"""Truth: exactly as much edema as was asked for, in the bone that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_phantom import small

from marrowlight.errors import UsageError
from marrowlight.phantom import (
    Anatomy,
    EdemaSpec,
    Phantom,
    Shape,
    make_anatomy,
    make_phantom,
    sites,
)
from marrowlight.phantom.burden import lay_in
from marrowlight.phantom.lesion import make_lesion
from marrowlight.study.study import Joint


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    volume=st.floats(300, 6000),
    site=st.sampled_from(["medial_condyle", "lateral_condyle", "medial_plateau", "distal_femur"]),
    shape=st.sampled_from(list(Shape)),
    seed=st.integers(0, 1000),
)
def test_a_lesion_has_the_volume_that_was_asked_for(
    knee_anatomy: Anatomy, volume: float, site: str, shape: Shape, seed: int
) -> None:
    lesion = make_lesion(knee_anatomy, EdemaSpec(site, volume, shape=shape), seed, 0)
    burden = lay_in(knee_anatomy, [lesion])
    counted = burden.inside.sum(dtype=np.float64) * knee_anatomy.grid.voxel_volume_mm3
    # The samples of a coarse scan count it independently of the lattice that solved it.
    assert counted == pytest.approx(volume, rel=0.12)


def test_edema_lies_in_marrow_of_its_bone_only(knee_anatomy: Anatomy) -> None:
    spec = EdemaSpec("medial_plateau", 4000, shape=Shape.SUBCHONDRAL)
    burden = lay_in(knee_anatomy, [make_lesion(knee_anatomy, spec, 1, 0)])
    edema = burden.shares["edema"]
    assert edema.max() > 0.3
    assert edema[knee_anatomy.bones[2] == 0].max() == 0
    assert (edema <= knee_anatomy.shares["marrow"] * spec.strength + 1e-3).all()


def test_every_voxel_stays_full(knee_anatomy: Anatomy) -> None:
    spec = EdemaSpec("medial_condyle", 3000, cyst_mm3=300)
    burden = lay_in(knee_anatomy, [make_lesion(knee_anatomy, spec, 1, 0)])
    total = sum(burden.shares.values())
    assert np.allclose(total, sum(knee_anatomy.shares.values()), atol=1e-3)
    assert min(share.min() for share in burden.shares.values()) >= -1e-3


def test_a_cyst_is_no_edema_and_has_its_own_volume(knee_anatomy: Anatomy) -> None:
    spec = EdemaSpec("medial_condyle", 3000, cyst_mm3=600)
    burden = lay_in(knee_anatomy, [make_lesion(knee_anatomy, spec, 1, 0)])
    voxel = knee_anatomy.grid.voxel_volume_mm3
    assert burden.cyst.sum() * voxel == pytest.approx(600, rel=0.2)
    assert burden.inside.sum() * voxel == pytest.approx(3000, rel=0.1)
    assert (burden.cyst + burden.inside).max() <= 1 + 1e-5


def test_a_softer_edge_keeps_the_volume_and_widens_what_is_faintly_seen(
    knee_anatomy: Anatomy,
) -> None:
    sharp, soft = (
        make_lesion(knee_anatomy, EdemaSpec("medial_condyle", 2000, edge_mm=e), 1, 0)
        for e in (0.0, 8.0)
    )
    assert sharp.radius == soft.radius
    assert sharp.faint_mm3 == pytest.approx(2000, rel=0.02)
    assert soft.faint_mm3 > 1.5 * sharp.faint_mm3


def test_truth_says_where_each_lesion_is(knee: Phantom) -> None:
    for lesion in knee.truth["lesions"]:
        voxels = np.argwhere(knee.lesions == lesion["id"])
        middle = knee.grid.to_ras(voxels).mean(0)
        assert np.linalg.norm(middle - lesion["centroid_ras_mm"]) < 2.0
        label = {"femur": 1, "tibia": 2}[lesion["bone"]]
        assert set(np.unique(knee.bones.labels[knee.lesions == lesion["id"]])) == {label}
    assert (knee.edema == (knee.lesions > 0)).all()


def test_a_left_joint_mirrors_a_right_one() -> None:
    right, left = (
        make_phantom(small(side=side, tilt_deg=0.0, samples=1, also=(), edema=()))
        for side in ("right", "left")
    )
    assert np.mean(right.bones.grid.corners()[:, 0]) > 50
    assert np.mean(left.bones.grid.corners()[:, 0]) < -50
    for bone in right.bones.bones:
        one, other = ((p.bones.labels == bone.label).sum() for p in (right, left))
        assert other == pytest.approx(one, rel=0.03)
    fibula = np.argwhere(left.bones.labels == 3)
    tibia = np.argwhere(left.bones.labels == 2)
    # Lateral is to the left of a left knee.
    assert left.grid.to_ras(fibula).mean(0)[0] < left.grid.to_ras(tibia).mean(0)[0] - 15


@pytest.mark.parametrize("joint", [Joint.KNEE, Joint.HIP, Joint.ANKLE])
def test_every_site_of_every_joint_holds_a_lesion(joint: Joint) -> None:
    anatomy = make_anatomy(small(joint=joint, samples=1, pixel_mm=1.5))
    for site in sites(joint):
        for shape in (Shape.BLOB, Shape.SUBCHONDRAL):
            lesion = make_lesion(anatomy, EdemaSpec(site, 200, shape=shape), 1, 0)
            inside = lay_in(anatomy, [lesion]).inside
            assert inside.sum() * anatomy.grid.voxel_volume_mm3 == pytest.approx(200, rel=0.6)


def test_what_cannot_be_made_is_refused(knee_anatomy: Anatomy) -> None:
    with pytest.raises(UsageError, match="medial_condyle"):
        make_lesion(knee_anatomy, EdemaSpec("funny_bone", 100), 1, 0)
    with pytest.raises(UsageError, match="not enough marrow"):
        make_lesion(knee_anatomy, EdemaSpec("fibular_head", 50_000), 1, 0)
    for wrong in ({"strength": 1.5}, {"edge_mm": -1}, {"volume_mm3": 0}):
        with pytest.raises(UsageError):
            EdemaSpec(**{"site": "patella", "volume_mm3": 100, **wrong})
    for wrong in ({"joint": "sacroiliac"}, {"side": "midline"}, {"sequence": "t1"},
                  {"field_t": 7.0}, {"snr": 0.0}, {"pixel_mm": 0.0}):  # fmt: skip
        with pytest.raises(UsageError):
            small(**wrong)
