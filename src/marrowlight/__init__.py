"""Marrowlight finds and measures bone marrow edema on MRI.

    import marrowlight as ml

    study = ml.open_study("exam")
    result = ml.read(study)
    result.regions[0].edema.volume_mm3
    ml.write_result("out", result)

It supports a reader and replaces none; it is no medical device.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from marrowlight import errors
    from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
    from marrowlight.anatomy.find_bones import find_bones
    from marrowlight.anatomy.found import BonesFound, BoneTrust
    from marrowlight.anatomy.given import bones_from_file
    from marrowlight.anatomy.registry import bone_registry
    from marrowlight.anatomy.seed import Seed
    from marrowlight.anatomy.zonemap import Zone, ZoneMap
    from marrowlight.anatomy.zones_of import zones_of
    from marrowlight.causes.case import Case
    from marrowlight.causes.case_file import case_from, read_case
    from marrowlight.course.course import Course
    from marrowlight.course.course_result import CourseResult
    from marrowlight.errors import MarrowlightError
    from marrowlight.explain_case import explain
    from marrowlight.explanation import Explanation
    from marrowlight.export.write import Exported, export_reading
    from marrowlight.follow_visits import follow
    from marrowlight.measure_mask import measure
    from marrowlight.output import write_result
    from marrowlight.privacy.deidentify import deidentify
    from marrowlight.read_study import read
    from marrowlight.reading import Reading
    from marrowlight.report.bones_files import write_bones
    from marrowlight.report.course_files import write_course
    from marrowlight.result import ReadResult
    from marrowlight.stages import Stages
    from marrowlight.study.grid import Grid
    from marrowlight.study.open import open_study
    from marrowlight.study.series import Role, Series
    from marrowlight.study.study import Joint, Side, Study
    from marrowlight.study.volume import Volume, resample
    from marrowlight.version import __version__

_HOMES = {
    "BoneMap": "anatomy.bonemap",
    "BoneTrust": "anatomy.found",
    "BonesFound": "anatomy.found",
    "Case": "causes.case",
    "Course": "course.course",
    "CourseResult": "course.course_result",
    "Explanation": "explanation",
    "Exported": "export.write",
    "Grid": "study.grid",
    "Joint": "study.study",
    "LabelledBone": "anatomy.bonemap",
    "MarrowlightError": "errors",
    "ReadResult": "result",
    "Reading": "reading",
    "Role": "study.series",
    "Seed": "anatomy.seed",
    "Series": "study.series",
    "Side": "study.study",
    "Stages": "stages",
    "Study": "study.study",
    "Volume": "study.volume",
    "Zone": "anatomy.zonemap",
    "ZoneMap": "anatomy.zonemap",
    "__version__": "version",
    "bone_registry": "anatomy.registry",
    "bones_from_file": "anatomy.given",
    "case_from": "causes.case_file",
    "deidentify": "privacy.deidentify",
    "explain": "explain_case",
    "export_reading": "export.write",
    "find_bones": "anatomy.find_bones",
    "follow": "follow_visits",
    "measure": "measure_mask",
    "open_study": "study.open",
    "read": "read_study",
    "read_case": "causes.case_file",
    "resample": "study.volume",
    "write_bones": "report.bones_files",
    "write_course": "report.course_files",
    "write_result": "output",
    "zones_of": "anatomy.zones_of",
}

__all__ = [
    "BoneMap",
    "BoneTrust",
    "BonesFound",
    "Case",
    "Course",
    "CourseResult",
    "Explanation",
    "Exported",
    "Grid",
    "Joint",
    "LabelledBone",
    "MarrowlightError",
    "ReadResult",
    "Reading",
    "Role",
    "Seed",
    "Series",
    "Side",
    "Stages",
    "Study",
    "Volume",
    "Zone",
    "ZoneMap",
    "__version__",
    "bone_registry",
    "bones_from_file",
    "case_from",
    "deidentify",
    "errors",
    "explain",
    "export_reading",
    "find_bones",
    "follow",
    "measure",
    "open_study",
    "read",
    "read_case",
    "resample",
    "write_bones",
    "write_course",
    "write_result",
    "zones_of",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``marrowlight --help`` answers at once."""
    if name == "errors":
        return import_module("marrowlight.errors")
    if name in _HOMES:
        return getattr(import_module(f"marrowlight.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'marrowlight' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
