"""Every code that documents use, in one place.

Public codes are those of DICOM PS3.16 (CID 4031, 240, 244, 7000, 7462, 7181), SNOMED CT, LOINC and
UCUM, as pydicom's dictionaries hold them. What has no public code stands in a scheme of our own,
which ``PRIVATE`` lists for the conformance statement.
"""

from __future__ import annotations

from pydicom.sr.coding import Code

from marrowlight.anatomy.registry import bone_registry
from marrowlight.edema.measurement import IntervalKind
from marrowlight.errors import DocumentError
from marrowlight.study.shown import clean
from marrowlight.study.study import Joint, Side

ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")
EDEMA = Code("79654002", "SCT", "Edema")
VOLUME = Code("118565006", "SCT", "Volume")
PRESENT, ABSENT = Code("52101004", "SCT", "Present"), Code("272519000", "SCT", "Absent")
PROCEDURE = Code("MR", "DCM", "Magnetic Resonance")
REPORT = Code("126000", "DCM", "Imaging Measurement Report")
IMAGING_REPORT = Code("18748-4", "LN", "Diagnostic Imaging Report")
ENGLISH = Code("en-US", "RFC5646", "English (United States)")
DEVICE = Code("121007", "DCM", "Device")
COMMENT = Code("121106", "DCM", "Comment")
ARTIFICIAL_INTELLIGENCE = Code("123109", "DCM", "Artificial Intelligence")

MM3 = Code("mm3", "UCUM", "cubic millimeter")
MM = Code("mm", "UCUM", "millimeter")
PERCENT = Code("%", "UCUM", "Percent")
SPREADS = Code("{SD}", "UCUM", "robust standard deviations of normal marrow")
COUNT = Code("{lesions}", "UCUM", "lesions")

SIDES = {
    Side.LEFT: Code("7771000", "SCT", "Left"),
    Side.RIGHT: Code("24028007", "SCT", "Right"),
}
"""Midline and unknown have none: a modifier is only given where a side is known."""

JOINTS = {
    Joint.HIP: Code("24136001", "SCT", "Hip joint"),
    Joint.KNEE: Code("49076000", "SCT", "Knee joint"),
    Joint.ANKLE: Code("70258002", "SCT", "Ankle joint"),
    Joint.SACROILIAC: Code("39723000", "SCT", "Sacroiliac joint"),
}
ANY_BONE = Code("272673000", "SCT", "Bone")

SCHEME = "99MARROWLIGHT"
SCHEME_NAME = "Marrowlight measurements of bone marrow edema"


def _own(value: str, meaning: str) -> Code:
    return Code(value, SCHEME, meaning)


BONE_SHARE = _own("BONE_SHARE", "Share of the bone in the image")
CYST_VOLUME = _own("CYST_VOLUME", "Volume of cysts, not part of the edema")
CONTRAST = _own("CONTRAST", "Mean contrast to normal marrow")
PEAK_CONTRAST = _own("PEAK_CONTRAST", "Highest contrast to normal marrow")
LESION_COUNT = _own("LESION_COUNT", "Number of lesions")
SURFACE_DISTANCE = _own("SURFACE_DIST", "Distance to the joint surface")
LIMITS = {
    IntervalKind.READER_AGREEMENT: (
        _own("VOL_READER_LOW", "Volume another reader would draw, 95 % interval, low"),
        _own("VOL_READER_HIGH", "Volume another reader would draw, 95 % interval, high"),
    ),
    IntervalKind.REPEATABILITY: (
        _own("VOL_REPEAT_LOW", "Volume on a repeated scan, 95 % interval, low"),
        _own("VOL_REPEAT_HIGH", "Volume on a repeated scan, 95 % interval, high"),
    ),
}
"""Both ends of a 95 % interval. No public code tells one kind of interval from another; in the
structured report that of repeatability stands as the measurement's uncertainty (CID 225)."""

PRIVATE = (
    BONE_SHARE, CYST_VOLUME, CONTRAST, PEAK_CONTRAST, LESION_COUNT, SURFACE_DISTANCE,
    *(code for pair in LIMITS.values() for code in pair),
)  # fmt: skip
"""All codes of our own scheme."""


def bone_code(bone: str) -> Code:
    """SNOMED CT code of a bone of the registry; of the next wider structure where it has none.

    Raises DocumentError for any other word: a reading that was changed by hand, or by a later
    version.
    """
    known = bone_registry().get(bone)
    if known is None:
        raise DocumentError(
            f"The reading names a bone that this version does not know: {clean(bone)!r}.",
            expected=", ".join(bone_registry()),
            do="read the study again with this version",
        )
    return Code(known.snomed_code, "SCT", known.snomed_meaning)
