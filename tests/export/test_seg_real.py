"""SEGs over the real images at hand: every vendor, single-frame, enhanced, big endian, echoes."""

from __future__ import annotations

import numpy as np
import pytest
from made_material import blocks, material_on

from benchmarks.second_readers import farthest_mm, points, seg_by_highdicom
from marrowlight.anatomy.bonemap import LabelledBone
from marrowlight.export.common import as_file
from marrowlight.export.read_back import check_seg, check_sr, check_whole_seg
from marrowlight.export.seg import edema_seg, whole_seg
from marrowlight.export.sr import measurement_sr
from marrowlight.study.parse import parse
from marrowlight.study.stack import stack_slices

FOLDERS = (
    "knee_ge_cubequant_fs", "knee_ge_qdess_echo2", "knee_ge_multiecho_bigendian", "head_canon",
    "head_philips_enhanced", "head_siemens_enhanced", "head_uih",
)  # fmt: skip
"""Not head_philips, of which no series is a volume that could be measured."""


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_mask_over_a_real_image_keeps_its_place(data, folder):
    candidates = stack_slices(parse([data / "dicom" / folder]).slices)
    sound = [one for one in candidates if one.volume is not None and one.defect is None]
    series = min(sound, key=lambda one: (one.volume.grid.shape[2] < 2, one.label))
    grid = series.volume.grid
    labels, everywhere = blocks(grid.shape)
    edema = np.zeros(grid.shape, bool)
    for label in (1, 2):
        # A shape without symmetry, at the lowest corner of the edema of each bone.
        low = np.argwhere(everywhere & (labels == label)).min(axis=0)
        edema[low[0] : low[0] + 9, low[1] : low[1] + 5, low[2] : low[2] + 3] = True
        edema[low[0], low[1] + 5, low[2]] = True
    edema &= labels > 0
    bones = [LabelledBone(1, "femur"), LabelledBone(2, "tibia")]
    material = material_on(series, grid, edema, labels, bones)
    seg = edema_seg(material)
    file = as_file(seg)
    check_seg(file, material)
    whole = as_file(whole_seg(material))
    check_whole_seg(whole, material)
    assert farthest_mm(points(grid, material.edema), points(*seg_by_highdicom(whole, 1))) < 0.01
    check_sr(as_file(measurement_sr(material)), material)
    # Every frame names an image that was there, and in an enhanced one the frame at its place.
    places = {(one.sop, one.frame): one.position for one in material.dicom.frames}
    for group in seg.PerFrameFunctionalGroupsSequence:
        source = group.DerivationImageSequence[0].SourceImageSequence[0]
        key = (source.ReferencedSOPInstanceUID, source.get("ReferencedFrameNumber"))
        here = group.PlanePositionSequence[0].ImagePositionPatient
        assert np.allclose(places[key], here, atol=1e-4)
