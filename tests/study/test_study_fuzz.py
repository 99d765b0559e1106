"""Damaged bytes give one of our errors, or an image: never another exception, never a hang."""

from __future__ import annotations

import gzip
import tempfile
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_files import (
    STIR_TAGS,
    enhanced_set,
    oblique_grid,
    picture,
    slice_sets,
    write_nifti,
    write_series,
)

from marrowlight.errors import InputError
from marrowlight.study.maskfile import read_mask
from marrowlight.study.open import open_study

KINDS = ("dicom", "enhanced", "nifti", "nrrd")


@lru_cache(maxsize=8)
def sound_bytes(kind: str) -> bytes:
    """A small sound file of a kind."""
    grid = oblique_grid((6, 5, 4))
    voxels = picture(grid.shape)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        if kind == "dicom":
            slice_sets(voxels, grid, **STIR_TAGS)[0].save_as(path, enforce_file_format=True)
        elif kind == "enhanced":
            enhanced_set(voxels, grid, [0, 1, 2, 3]).save_as(path, enforce_file_format=True)
        elif kind == "nrrd":
            import nrrd

            path = path.with_suffix(".nrrd")
            header = {"space": "LPS", "space directions": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
                      "space origin": [0, 0, 0], "encoding": "gzip"}  # fmt: skip
            nrrd.write(str(path), (voxels % 3).astype("uint8"), header)
        else:
            path = write_nifti(path.with_suffix(".nii"), voxels, grid)
        return path.read_bytes()


damage = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), max_size=6
)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=100, deadline=None)
@given(places=damage, keep=st.floats(0.05, 1.0), packed=st.booleans())
def test_damaged_files_give_our_errors_only(
    kind: str, places: list[tuple[float, bytes]], keep: float, packed: bool
) -> None:
    data = bytearray(sound_bytes(kind))
    # Headers are where damage matters: most of it goes there.
    for share, put in places:
        at = int(share * min(len(data), 1200))
        data[at : at + len(put)] = put
    data = data[: max(1, int(len(data) * keep))]
    with tempfile.TemporaryDirectory() as folder:
        ending = {"nifti": ".nii.gz" if packed else ".nii", "nrrd": ".nrrd"}.get(kind, ".dcm")
        path = Path(folder) / f"stir{ending}"
        path.write_bytes(gzip.compress(bytes(data)) if ending == ".nii.gz" else bytes(data))
        for reader in (open_study, read_mask):
            try:
                reader(path)
            except InputError as error:
                assert str(error)  # noqa: PT017


def test_one_damaged_byte_anywhere_in_a_header_of_a_series(tmp_path: Path) -> None:
    paths = write_series(tmp_path)
    sound = paths[1].read_bytes()
    for at in range(132, len(sound) - 640, 7):
        damaged = bytearray(sound)
        damaged[at] ^= 0xFF
        paths[1].write_bytes(bytes(damaged))
        try:
            open_study(tmp_path)
        except InputError as error:
            assert str(error)  # noqa: PT017
