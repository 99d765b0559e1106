"""From volumes at visits to changes between them: log ratios, what is noise, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from marrowlight.course.course import (
    Amount,
    BoneCourse,
    LesionAt,
    LesionTrack,
    SdcBasis,
    Step,
    Verdict,
)
from marrowlight.course.limits import matched
from marrowlight.course.match import Track
from marrowlight.course.visit import BoneKey, Visit
from marrowlight.edema.intervals import interval
from marrowlight.edema.measurement import IntervalKind


class Noise(Protocol):
    """What ``smallest_change`` returns."""

    @property
    def log_ratio(self) -> float: ...
    @property
    def basis(self) -> SdcBasis: ...


@dataclass(frozen=True)
class Rules:
    """How a change is told from noise.

    smallest : (volume_mm3, matched=) -> the smallest detectable change at that volume
    verdict : (before_mm3, after_mm3, noise, floor_mm3=) -> Verdict
    """

    smallest: Callable[..., Noise]
    verdict: Callable[..., Verdict]


@dataclass(frozen=True)
class Change:
    """The change between two visits. log_ratio : ln(after / before), each raised to the floor."""

    log_ratio: float
    noise: Noise
    verdict: Verdict
    floor_mm3: float


def change(rules: Rules, one: Visit, other: Visit, before: float, after: float) -> Change:
    """The change of a volume from one visit to another.

    The floor is the larger of what the two visits tell from nothing. What is noise is taken at the
    geometric mean of both volumes, so that it is the same in either direction.
    """
    floor = max(one.floor_mm3, other.floor_mm3)
    low, high = max(before, floor), max(after, floor)
    noise = rules.smallest(math.sqrt(low * high), matched=matched(one, other))
    verdict = rules.verdict(before, after, noise, floor_mm3=floor)
    return Change(math.log(high / low), noise, verdict, floor)


def bone_course(
    key: BoneKey,
    visits: Sequence[Visit],
    volumes: Mapping[int, float],
    rules: Rules,
    tracks: Sequence[LesionTrack] = (),
) -> BoneCourse:
    """One bone, or all together, over the visits at which it can be compared.

    volumes : mm³ by visit, in view of all of them; may hold one visit only, or none.
    """
    at = sorted(volumes)
    steps = []
    for one, other in pairwise(at):
        found = change(rules, visits[one], visits[other], volumes[one], volumes[other])
        steps.append(
            Step(
                from_visit=one,
                to_visit=other,
                weeks=visits[other].weeks - visits[one].weeks,
                log_ratio=found.log_ratio,
                sdc_log_ratio=found.noise.log_ratio,
                sdc_basis=found.noise.basis,
                verdict=found.verdict,
                floor_mm3=found.floor_mm3,
            )
        )
    whole = None
    if len(at) > 1:
        first, last = at[0], at[-1]
        whole = change(rules, visits[first], visits[last], volumes[first], volumes[last])
    noise = whole.noise if whole else _noise_of_one(visits, volumes, rules)
    return BoneCourse(
        bone=key.bone,
        side=key.side,
        volume_mm3=tuple(volumes.get(n) for n in range(len(visits))),
        amounts=tuple(_amount(v, volumes.get(n)) for n, v in enumerate(visits)),
        log_ratio=whole.log_ratio if whole else None,
        sdc_log_ratio=noise.log_ratio,
        sdc_basis=noise.basis,
        verdict=whole.verdict if whole else Verdict.UNCERTAIN,
        steps=tuple(steps),
        lesions=tuple(tracks),
    )


def lesion_tracks(
    tracks: Sequence[Track],
    visits: Sequence[Visit],
    comparable: Mapping[BoneKey, Sequence[int]],
    rules: Rules,
) -> tuple[LesionTrack, ...]:
    """Tracks with their volumes and verdicts; a family of split or merged ones is judged as one."""
    by_id = {t.track_id: t for t in tracks}
    out = []
    for track in tracks:
        at = comparable[track.key]
        members = [by_id[name] for name in track.family] or [track]
        volumes = {n: sum(t.volume_at(n) for t in members) for n in at}
        first, last = at[0], at[-1]
        found = None
        if last > first:
            found = change(rules, visits[first], visits[last], volumes[first], volumes[last])
        noise = found.noise if found else _noise_of_one(visits, volumes, rules)
        out.append(
            LesionTrack(
                track_id=track.track_id,
                bone=track.key.bone,
                side=track.key.side,
                at=tuple(
                    LesionAt(
                        visit=stop.visit,
                        lesion_id=stop.lesion.lesion_id if stop.lesion else stop.into,
                        bone=track.key.bone,
                        side=track.key.side,
                        volume_mm3=stop.lesion.volume_mm3 if stop.lesion else 0.0,
                        centroid_ras_mm=stop.lesion.centroid if stop.lesion else None,
                        subchondral_share=stop.lesion.subchondral_share if stop.lesion else None,
                        fate=stop.fate,
                    )
                    for stop in track.stops
                ),
                volume_mm3=tuple(
                    track.volume_at(n) if n in at else None for n in range(len(visits))
                ),
                log_ratio=found.log_ratio if found else None,
                sdc_log_ratio=noise.log_ratio,
                verdict=found.verdict if found else Verdict.UNCERTAIN,
                from_tracks=track.parents,
                family=track.family,
            )
        )
    return tuple(out)


def _noise_of_one(visits: Sequence[Visit], volumes: Mapping[int, float], rules: Rules) -> Noise:
    """What would be noise, where there is nothing to compare with."""
    floor = max(v.floor_mm3 for v in visits)
    return rules.smallest(max(floor, *volumes.values(), floor), matched=False)


def _amount(visit: Visit, volume: float | None) -> Amount:
    if volume is None:
        return Amount(volume_mm3=0.0, measured=False)
    counted = max(b.edema.smallest_counted_mm3 for b in visit.measured)
    found = interval(
        IntervalKind.REPEATABILITY, volume, origin=visit.origin, smallest_counted_mm3=counted
    )
    return Amount(volume_mm3=volume, low_mm3=found.low_mm3, high_mm3=found.high_mm3)
