"""The example knee divided into zones by planes, so that every share is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from marrowlight.anatomy.zonemap import Zone, ZoneMap
from marrowlight.edema.intervals import Origin
from marrowlight.edema.measure import measure_edema
from marrowlight.regions import regions_of
from marrowlight.result import ReadResult
from marrowlight.study.study import Joint, Side
from tests.report.example import SAGITTAL, reading, result


def zone(label: int, id_: str, bone: str, *, system: str = "moaks", own: bool = False) -> Zone:
    name = id_.replace("_", " ").capitalize()
    return Zone(id_, label, system, bone, name, "source", provisional=own, approximate=not own)


ZONES = (
    zone(1, "femur_front", "femur"),
    zone(2, "femur_back", "femur"),
    zone(3, "tibia_all", "tibia"),
    zone(4, "far_front", "femur", system="insertions", own=True),
    zone(5, "femur_whole", "femur", system="worms"),
)


def zones() -> ZoneMap:
    """Femur cut at A -8 (front and back), without its lowest part; the tibia is one zone."""
    labels = result().bones.labels
    index = np.stack(np.meshgrid(*map(np.arange, SAGITTAL.shape), indexing="ij"), axis=-1)
    ras = SAGITTAL.to_ras(index.astype(float))
    femur = (labels == 1) & (ras[..., 2] > 0)
    front = ras[..., 1] > -8
    moaks = np.where(femur & front, 1, np.where(femur, 2, np.where(labels == 2, 3, 0)))
    return ZoneMap(
        SAGITTAL,
        ZONES,
        {
            "moaks": moaks.astype(np.uint8),
            "insertions": np.where(femur & (ras[..., 1] > 4), 4, 0).astype(np.uint8),
            "worms": np.where(labels == 1, 5, 0).astype(np.uint8),
        },
        (("tibia", "its shaft is not in view"),) if not (labels == 2).any() else (),
    )


def zoned_result(*, side: Side = Side.LEFT) -> ReadResult:
    """The example with its lesions measured by these zones."""
    one = result()
    measured = measure_edema(
        mask=one.edema, grid=SAGITTAL, bones=one.bones, zones=zones(), cyst=one.cyst,
        contrast=np.where(one.edema, 8, 0).astype(np.float32),
    )  # fmt: skip
    found = regions_of(measured, origin=Origin.FOUND, joint=Joint.KNEE, side=side, zones=zones())
    return replace(one, reading=reading(*found), zones=zones())
