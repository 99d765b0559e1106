"""The scan: noise, shading and faults as asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_phantom import small

from marrowlight.phantom import Anatomy, Phantom, make_anatomy, make_phantom
from marrowlight.phantom.phantom import Phantom as PhantomType
from marrowlight.phantom.scan import SCALE, noise_sd
from marrowlight.phantom.sequence import sequence_of
from marrowlight.phantom.tissue import load_tissues
from marrowlight.study.series import Role


def scanned(anatomy: Anatomy, **options: object) -> Phantom:
    return make_phantom(small(also=(), **options), anatomy)


def air(anatomy: Anatomy) -> np.ndarray:
    body = np.moveaxis(sum(anatomy.shares.values()), 0, 2) > 0
    clear = ~body
    clear[:, ::1][:12] = False
    return clear


def test_the_same_seed_gives_the_same_phantom_and_another_another(knee: Phantom) -> None:
    again = make_phantom(small())
    other = make_phantom(small(seed=2))
    for one, two, three in zip(knee.series, again.series, other.series, strict=True):
        assert np.array_equal(one.volume.voxels, two.volume.voxels)
        assert not np.array_equal(one.volume.voxels, three.volume.voxels)
    assert np.array_equal(knee.bones.labels, again.bones.labels)
    assert not np.array_equal(knee.bones.labels, other.bones.labels)
    assert knee.truth == again.truth


def test_anatomy_can_be_used_again(knee: Phantom, knee_anatomy: Anatomy) -> None:
    fresh = make_phantom(small(edema=(), also=()))
    reused = make_phantom(small(edema=(), also=()), knee_anatomy)
    assert np.array_equal(fresh.volume().voxels, reused.volume().voxels)


@pytest.mark.parametrize("snr", [6.0, 20.0])
def test_noise_in_air_is_rayleigh_of_the_sd_asked_for(knee_anatomy: Anatomy, snr: float) -> None:
    phantom = scanned(knee_anatomy, snr=snr, edema=())
    tissues = load_tissues(3.0)
    sigma = SCALE * noise_sd(sequence_of(Role.PD_FS, tissues), tissues, phantom.spec)
    voxels = phantom.volume().voxels[:8, :8]
    assert np.moveaxis(sum(knee_anatomy.shares.values()), 0, 2)[:8, :8].max() == 0
    # A corner of the image is air: mean of a Rayleigh distribution is sigma sqrt(pi / 2).
    assert voxels.mean() == pytest.approx(sigma * np.sqrt(np.pi / 2), rel=0.1)


def test_edema_is_bright_on_fluid_sensitive_and_dark_on_t1(knee: Phantom) -> None:
    bone = (knee.bones.labels == 1) & ~knee.edema
    first = knee.lesions == 1
    fluid, t1 = knee.volume("pdfs").voxels, knee.volume("t1w").voxels
    assert np.median(fluid[first]) > 1.8 * np.median(fluid[bone])
    assert np.median(t1[first]) < 0.9 * np.median(t1[bone])


def test_chemical_shift_moves_fat_along_the_rows(knee_anatomy: Anatomy) -> None:
    wide, narrow = (
        make_phantom(
            small(also=("t1",), edema=(), bandwidth_hz=hz, t1_snr=1e6), knee_anatomy
        ).volume("t1w").voxels
        for hz in (1e6, 434.3 / 4)
    )  # fmt: skip
    profile = [np.moveaxis(v, 0, -1).reshape(-1, v.shape[0]).mean(0) for v in (wide, narrow)]
    shift = [np.dot(profile[0][8:-8], p[8 + s : len(p) - 8 + s]) for s in range(8)
             for p in (profile[1],)]  # fmt: skip
    assert int(np.argmax(shift)) in (3, 4)


def test_bias_shades_the_image_smoothly(knee_anatomy: Anatomy) -> None:
    flat = scanned(knee_anatomy, bias=0.0, snr=1e6).volume().voxels
    shaded = scanned(knee_anatomy, bias=0.4, snr=1e6).volume().voxels
    ratio = shaded[flat > 300] / flat[flat > 300]
    assert 0.59 < ratio.min() < 1 < ratio.max() < 1.41
    assert ratio.max() > 1.3 * ratio.min()


def test_motion_throws_ghosts_beyond_the_body(knee_anatomy: Anatomy) -> None:
    body = np.moveaxis(sum(knee_anatomy.shares.values()), 0, 2) > 0
    outside = ~body.any(axis=1)[:, None] & np.ones_like(body)
    still = scanned(knee_anatomy, snr=1e6, edema=()).volume().voxels
    moved = scanned(knee_anatomy, snr=1e6, edema=(), motion_mm=2.0).volume().voxels
    assert np.abs(moved - still)[body].mean() > 10
    # Ghosts run along the phase direction (columns), so rows without body stay dark.
    assert np.abs(moved - still)[outside].mean() < 1


@pytest.mark.parametrize("role", [Role.PD_FS, Role.STIR])
def test_failed_suppression_brightens_fat_at_the_lower_edge(
    knee_anatomy: Anatomy, role: Role
) -> None:
    fat = np.moveaxis(knee_anatomy.shares["fat"], 0, 2) > 0.95
    good, bad = (
        scanned(knee_anatomy, sequence=role, failed_suppression=f, edema=(), bias=0.0)
        .volume().voxels
        for f in (0.0, 1.0)
    )  # fmt: skip
    rows = good.shape[1]
    low, high = fat[:, -rows // 10 :], fat[:, : rows // 3]
    assert np.median(bad[:, -rows // 10 :][low]) > 2 * np.median(good[:, -rows // 10 :][low])
    assert np.median(bad[:, : rows // 3][high]) < 1.1 * np.median(good[:, : rows // 3][high])


def test_dixon_gives_a_water_and_a_fat_image(knee_anatomy: Anatomy) -> None:
    phantom = scanned(knee_anatomy, sequence=Role.DIXON_WATER)
    assert [s.name for s in phantom.series] == ["dixon_water", "dixon_fat"]
    marrow = (phantom.bones.labels == 1) & ~phantom.edema
    water, fat = (phantom.volume(n).voxels for n in ("dixon_water", "dixon_fat"))
    assert np.median(fat[marrow]) > 5 * np.median(water[marrow])
    assert np.median(water[phantom.lesions == 1]) > 2 * np.median(water[marrow])


def test_thick_slices_see_less_contrast_in_a_small_lesion() -> None:
    def contrast(phantom: PhantomType) -> float:
        voxels = phantom.volume().voxels
        marrow = np.median(voxels[(phantom.bones.labels == 1) & ~phantom.edema])
        where = phantom.grid.to_index(phantom.truth["lesions"][0]["centroid_ras_mm"])
        i, j, k = (round(c) for c in where)
        return float(voxels[i - 1 : i + 2, j - 1 : j + 2, k - 1 : k + 2].max() / marrow)

    from marrowlight.phantom import EdemaSpec

    lesion = (EdemaSpec("medial_condyle", 60, 0.4, edge_mm=1.0),)
    spec = small(also=(), edema=lesion, snr=1e4, bias=0.0)
    thin, thick = replace(spec, slice_mm=1.5, gap_mm=0.0), replace(spec, slice_mm=9.0, gap_mm=0.0)
    assert contrast(make_phantom(thin)) > 1.3 * contrast(make_phantom(thick))


def test_red_marrow_is_brighter_than_fatty_marrow_and_no_edema() -> None:
    spec = small(red_marrow=0.6, edema=(), also=(), snr=1e4)
    anatomy = make_anatomy(spec)
    phantom = make_phantom(spec, anatomy)
    voxels = phantom.volume().voxels
    red, fatty = (np.moveaxis(anatomy.shares[n], 0, 2) > 0.99 for n in ("red_marrow", "marrow"))
    assert red.sum() > 500
    assert np.median(voxels[red]) > 1.2 * np.median(voxels[fatty])
    assert not phantom.edema.any()
