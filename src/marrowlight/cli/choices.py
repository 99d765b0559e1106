"""Words that a user may choose from on the command line.

The same words as the enums of ``study`` and ``phantom``, which are not imported here: they bring
numpy, and ``--help`` answers before that would be loaded. A test holds the two lists equal.
"""

from __future__ import annotations

from enum import StrEnum


class JointChoice(StrEnum):
    HIP = "hip"
    KNEE = "knee"
    ANKLE = "ankle"
    SACROILIAC = "sacroiliac"
    OTHER = "other"


class AskJoint(StrEnum):
    HIP = "hip"
    KNEE = "knee"
    ANKLE = "ankle"


class SideChoice(StrEnum):
    LEFT = "left"
    RIGHT = "right"
    MIDLINE = "midline"
    UNKNOWN = "unknown"


class OrientationChoice(StrEnum):
    SFORM = "sform"
    QFORM = "qform"


class PhantomJoint(StrEnum):
    KNEE = "knee"
    HIP = "hip"
    ANKLE = "ankle"


class PhantomSide(StrEnum):
    LEFT = "left"
    RIGHT = "right"


class PhantomSequence(StrEnum):
    STIR = "stir"
    T2_FS = "t2fs"
    PD_FS = "pdfs"
    DIXON_WATER = "dixon_water"


class PlaneChoice(StrEnum):
    SAGITTAL = "sagittal"
    CORONAL = "coronal"
    AXIAL = "axial"


class FieldChoice(StrEnum):
    LOW = "1.5"
    HIGH = "3.0"
