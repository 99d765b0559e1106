"""Courses made by hand: volumes of bones over weeks, with the contract's fields filled in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from marrowlight.course.course import (
    Amount,
    BoneCourse,
    Course,
    Fate,
    LesionAt,
    LesionTrack,
    SdcBasis,
    Step,
    Verdict,
    VisitUsed,
)
from marrowlight.study.study import Joint, Side

FLOOR = 100.0
"""mm³."""


def course(
    bones: Mapping[str, Sequence[float]],
    weeks: Sequence[float],
    *,
    joint: Joint = Joint.KNEE,
    side: Side = Side.LEFT,
    sdc: float = 0.3,
    verdict: Verdict | None = None,
    under_surface: float = 0.1,
    fates: Mapping[str, Fate] | None = None,
) -> Course:
    """One lesion in each bone; volumes in ml, one for each visit.

    verdict : instead of the right one; fates : of a bone's lesion where it is first seen.
    """
    fates = fates or {}
    made = tuple(
        _bone(
            name, [1000 * v for v in ml], weeks, side, sdc, verdict, under_surface, fates.get(name)
        )
        for name, ml in bones.items()
    )
    total = [1000 * sum(ml) for ml in zip(*bones.values(), strict=True)]
    return Course(
        summary="Made by hand.",
        joint=joint,
        side=side,
        visits=tuple(
            VisitUsed(
                index=i,
                name=f"visit {i}",
                weeks=week,
                weeks_source="given",
                joint=joint,
                side=side,
                role=None,
                plane=None,
                spacing_mm=(0.5, 0.5, 3.0),
                slice_thickness_mm=3.0,
                reading_id=f"r{i}",
                from_reading=False,
            )
            for i, week in enumerate(weeks)
        ),
        bones=made,
        total=_bone("all", total, weeks, side, sdc, verdict, under_surface, None),
        registration=(),
        protocol_match="matched",
    )


def verdict_of(before: float, after: float, sdc: float) -> Verdict:
    """The verdict of two volumes in mm³."""
    if before <= FLOOR and after <= FLOOR:
        return Verdict.ABSENT
    ratio = _ratio(before, after)
    if abs(ratio) <= sdc:
        return Verdict.STABLE
    if before <= FLOOR:
        return Verdict.NEW
    if after <= FLOOR:
        return Verdict.RESOLVED
    return Verdict.GREW if ratio > 0 else Verdict.SHRANK


def _ratio(before: float, after: float) -> float:
    return math.log(max(after, FLOOR) / max(before, FLOOR))


def _bone(
    name: str,
    volumes: Sequence[float],
    weeks: Sequence[float],
    side: Side,
    sdc: float,
    verdict: Verdict | None,
    under_surface: float,
    fate: Fate | None,
) -> BoneCourse:
    steps = tuple(
        Step(
            from_visit=i,
            to_visit=i + 1,
            weeks=weeks[i + 1] - weeks[i],
            log_ratio=_ratio(volumes[i], volumes[i + 1]),
            sdc_log_ratio=sdc,
            sdc_basis=SdcBasis.PHANTOM,
            verdict=verdict or verdict_of(volumes[i], volumes[i + 1], sdc),
            floor_mm3=FLOOR,
        )
        for i in range(len(volumes) - 1)
    )
    whole = verdict or verdict_of(volumes[0], volumes[-1], sdc)
    lesions: tuple[LesionTrack, ...] = ()
    first = next((i for i, v in enumerate(volumes) if v > 0), None)
    if name != "all" and first is not None:
        lesions = (
            LesionTrack(
                track_id=f"T-{name}",
                bone=name,
                side=side,
                at=tuple(
                    LesionAt(
                        visit=i,
                        lesion_id=f"{name}-{i}" if v > 0 else None,
                        bone=name,
                        side=side,
                        volume_mm3=v,
                        subchondral_share=under_surface if v > 0 else None,
                        fate=_fate(i, first, v, fate),
                    )
                    for i, v in enumerate(volumes)
                    if i >= first
                ),
                volume_mm3=tuple(volumes),
                log_ratio=_ratio(volumes[0], volumes[-1]),
                sdc_log_ratio=sdc,
                verdict=whole,
            ),
        )
    return BoneCourse(
        bone=name,
        side=side,
        volume_mm3=tuple(volumes),
        amounts=tuple(Amount(volume_mm3=v) for v in volumes),
        log_ratio=_ratio(volumes[0], volumes[-1]),
        sdc_log_ratio=sdc,
        sdc_basis=SdcBasis.PHANTOM,
        verdict=whole,
        steps=steps,
        lesions=lesions,
    )


def _fate(visit: int, first: int, volume: float, fate: Fate | None) -> Fate:
    if volume <= 0:
        return Fate.GONE
    if visit == first and first > 0:
        return fate or Fate.NEW
    return Fate.KEPT
