"""Key slices show what was found, undistorted."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from marrowlight.report.display import display_of
from marrowlight.report.key_slices import choose_slices
from marrowlight.report.pictures import Picture, key_pictures, marks_of
from marrowlight.result import ReadResult
from tests.report.example import FEMUR_LESION, SAGITTAL, TIBIA_LESION, ball, result


def pictures(one: ReadResult) -> tuple[Picture, ...]:
    return key_pictures(one, marks_of(one))


def test_the_key_slice_has_the_largest_area_of_edema() -> None:
    one = result()
    (key,) = (p for p in pictures(one) if p.key)
    areas = (one.edema | one.cyst).sum(axis=(0, 1))
    assert areas[key.number - 1] == areas.max()
    assert key.lesions[:2] == ("e1", "e2")
    assert key.edema
    assert key.bones


def test_a_lesion_goes_before_larger_scatter_of_specks() -> None:
    one = result()
    display = display_of(SAGITTAL)
    specks = np.zeros(SAGITTAL.shape, bool)
    specks[::3, ::3, 2] = True
    marks = marks_of(one)
    mask = one.edema | specks
    key, _ = choose_slices(mask, mask, marks, display)
    assert specks[..., 2].sum() > one.edema.sum(axis=(0, 1)).max()
    assert key != 2


def test_every_lesion_is_on_a_picture() -> None:
    shown = {lesion for p in pictures(result()) for lesion in p.lesions}
    assert shown == {"e1", "e2", "e3"}


def test_pictures_come_in_the_order_of_slices() -> None:
    numbers = [p.number for p in pictures(result())]
    assert numbers == sorted(set(numbers))
    assert len(numbers) <= 6


def test_pixels_are_square_and_the_picture_as_large_as_the_crop() -> None:
    for p in pictures(result()):
        picture = Image.open(io.BytesIO(base64.b64decode(p.png)))
        assert picture.width / picture.height == pytest.approx(p.width / p.height, rel=0.02)
        assert picture.mode == "L"


def test_the_outline_lies_on_the_lesion_in_the_picture() -> None:
    key = next(p for p in pictures(result()) if p.key)
    picture = Image.open(io.BytesIO(base64.b64decode(key.png)))
    grey = np.asarray(picture, float)
    points = np.array(key.edema.split("Z")[0].strip("M").replace("L", " ").split(), float)
    x, y = points.reshape(-1, 2).mean(axis=0)
    scale = picture.width / key.width
    inside = grey[int(y * scale), int(x * scale)]
    assert inside > np.percentile(grey, 90)


def test_nothing_found_still_shows_the_bones() -> None:
    found = pictures(result(empty=True))
    assert found
    assert not any(p.edema or p.labels for p in found)
    assert all(p.bones for p in found)


def test_without_an_image_the_bones_are_drawn() -> None:
    key = next(p for p in pictures(result(image=False)) if p.key)
    grey = np.asarray(Image.open(io.BytesIO(base64.b64decode(key.png))))
    assert grey.max() > grey.min()


def test_labels_do_not_lie_over_each_other() -> None:
    for p in pictures(result()):
        spots = [(label.x, label.y) for label in p.labels]
        for i, (x, y) in enumerate(spots):
            for a, b in spots[i + 1 :]:
                assert abs(x - a) > 2 * p.unit or abs(y - b) > 2 * p.unit


def test_a_lesion_is_visited_at_its_centre() -> None:
    places = marks_of(result()).places
    np.testing.assert_allclose(places["e1"], FEMUR_LESION, atol=2.1)
    np.testing.assert_allclose(places["e2"], TIBIA_LESION, atol=2.1)


def test_a_crescent_is_visited_inside_itself() -> None:
    one = result()
    ring = ball(SAGITTAL, FEMUR_LESION, 9) & ~ball(SAGITTAL, FEMUR_LESION, 6)
    from dataclasses import replace

    place = marks_of(replace(one, edema=ring)).places["e1"]
    i, j, k = np.rint(SAGITTAL.to_index(place)).astype(int)
    assert ring[i, j, k]


def test_extensive_edema_is_shown_over_its_extent() -> None:
    one = result()
    mask = ball(SAGITTAL, (8, -8, 8), 20)
    from dataclasses import replace

    marks = marks_of(replace(one, edema=mask))
    _, chosen = choose_slices(mask, mask, marks, display_of(SAGITTAL))
    assert len(chosen) >= 3
