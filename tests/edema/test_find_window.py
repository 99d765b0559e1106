"""The window around the bones: what is cut comes back in its place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowlight.edema.window import COARSE_MM, window_around

FINE = st.sampled_from([0.2, 0.3, 0.3125, 0.5, 0.6, 0.9])


def block(shape, low, high):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


@settings(max_examples=60, deadline=None)
@given(fine=FINE, thick=st.sampled_from([1.5, 3.3]), last=st.integers(0, 2), odd=st.integers(0, 3))
def test_a_smooth_image_comes_back_in_place(fine, thick, last, odd):
    spacing = [fine] * 3
    spacing[last] = thick
    shape = [70 + odd] * 3
    shape[last] = 9
    bone = block(
        shape, [30 if n > 9 else 2 for n in shape], [41 + odd if n > 9 else 7 for n in shape]
    )
    ramp = sum(np.indices(shape)[a] * spacing[a] for a in range(3)).astype(np.float32)
    window = window_around(bone, tuple(spacing))
    back = window.paste(window.cut(ramp), np.full(shape, -1.0, np.float32))
    assert np.abs(back - ramp)[bone].max() <= 2 * COARSE_MM
    assert (back[bone] >= 0).all()


@pytest.mark.parametrize(("pixel", "factor"), [(0.3125, 2), (0.5, 1), (0.595, 1), (0.2, 3)])
def test_pixels_are_pooled_up_to_what_edema_can_show(pixel, factor):
    bone = block((80, 80, 8), (30, 30, 2), (50, 50, 6))
    window = window_around(bone, (pixel, pixel, 3.0))
    assert window.pool == (factor, factor, 1)
    assert window.spacing == pytest.approx((pixel * factor, pixel * factor, 3.0))


def test_the_volume_of_a_mask_survives():
    bone = block((100, 100, 8), (30, 30, 2), (61, 67, 6))
    window = window_around(bone, (0.3, 0.3, 3.0))
    back = window.paste(window.cut(bone), np.zeros(bone.shape, bool))
    assert back.sum() == pytest.approx(bone.sum(), rel=0.06)
