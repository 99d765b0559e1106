"""Which lesion of one visit is which of the next, and the tracks that follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from marrowlight.course.course import Fate
from marrowlight.course.visit import BoneKey

REACH_SLICES = 1.0
"""Lesions are dilated by this many slice distances before their overlap is taken: where a slice
falls decides on which of two slices an edge is seen."""

LEAST_REACH_MM = 2.0
"""And by at least this much, for what registration and outlines are off by. Unit: mm. Estimate."""

SAME_SHARE = 0.5
"""Two lesions are the same if this share of the smaller one lies within reach of the larger.
Estimate: of two lesions side by side much less of the smaller one is near the other."""

MOVED_RATIO = 4.0
"""A lesion that is gone and one that is new between the same two visits are taken for one that
moved if their volumes differ by at most this factor. Estimate."""

MOST_POINTS = 8000
"""With more voxels than this only every n-th of a lesion is looked at: it is enough, and faster."""


@dataclass(frozen=True, eq=False)
class Seen:
    """One lesion at one visit.

    key : its bone; lesion_id : in that visit's reading; volume_mm3 : within what all visits show;
    points : (n, 3) float64, centres of its voxels in mm, RAS in the space of the first visit that
    shows the bone; subchondral_share : 0..1 or None.
    """

    visit: int
    lesion_id: str
    key: BoneKey
    volume_mm3: float
    points: NDArray[np.float64]
    subchondral_share: float | None = None

    @property
    def centroid(self) -> tuple[float, float, float]:
        """Mean of its voxels, RAS mm."""
        x, y, z = self.points.mean(axis=0).tolist()
        return (x, y, z)


@dataclass(frozen=True, eq=False)
class Stop:
    """A track at one visit: the lesion that it is there, or none."""

    visit: int
    fate: Fate
    lesion: Seen | None = None
    into: str | None = None
    """Id of the lesion that took it up, where it merged."""


@dataclass(frozen=True, eq=False)
class Track:
    """One lesion over all visits. stops : by visit; parents : tracks that it came from."""

    track_id: str
    key: BoneKey
    stops: tuple[Stop, ...]
    parents: tuple[str, ...] = ()
    family: tuple[str, ...] = ()

    def volume_at(self, visit: int) -> float:
        """Its volume at a visit in mm³; 0 where it is gone."""
        return next((s.lesion.volume_mm3 for s in self.stops if s.visit == visit and s.lesion), 0.0)


@dataclass(eq=False)
class _Open:
    """A track while it is made. last : where it was seen last; active : it was there last time."""

    key: BoneKey
    stops: list[Stop]
    last: Seen
    active: bool = True
    parents: list[_Open] = field(default_factory=list)
    kin: list[_Open] = field(default_factory=list)


def match(
    seen: Mapping[int, Sequence[Seen]],
    comparable: Mapping[BoneKey, Sequence[int]],
    *,
    slice_mm: Mapping[int, float],
    least_mm3: float,
) -> tuple[Track, ...]:
    """Follow lesions over visits.

    Parameters
    ----------
    seen : lesions by visit
    comparable : by bone, the visits that show it and can be compared, in order
    slice_mm : distance between slices of each visit
    least_mm3 : of a lesion that moved, at one of the two visits: smaller ones come and go by chance

    Returns
    -------
    tuple of Track
        ``T1``, ``T2``... in the order of first visit and falling volume. At the first visit of its
        bone a lesion is ``kept``. One that comes back where it was keeps its track. One that splits
        goes on as its largest part, and the others are new tracks; of those that merge the largest
        goes on.
    """
    tracks: list[_Open] = []
    for visit in sorted({v for visits in comparable.values() for v in visits}):
        fresh: list[_Open] = []
        gone: list[_Open] = []
        for key, visits in comparable.items():
            if visit not in visits:
                continue
            here = [s for s in seen.get(visit, ()) if s.key == key]
            mine = [t for t in tracks if t.key == key]
            reach = max(LEAST_REACH_MM, REACH_SLICES * max(slice_mm[v] for v in visits))
            new, lost = _step(visit, here, mine, reach, first=visit == visits[0])
            fresh += new
            gone += lost
        _pair_moved(visit, fresh, gone, least_mm3, same_bone=True)
        _pair_moved(visit, fresh, gone, least_mm3, same_bone=False)
        tracks += sorted(fresh, key=lambda t: -t.last.volume_mm3)
    return _named(tracks)


def overlap(one: Seen, other: Seen, reach_mm: float) -> float:
    """Share of the smaller lesion that lies within reach of the larger, 0..1."""
    from scipy.spatial import cKDTree

    small, large = sorted((one, other), key=lambda s: s.volume_mm3)
    gap = np.maximum(
        large.points.min(axis=0) - small.points.max(axis=0),
        small.points.min(axis=0) - large.points.max(axis=0),
    )
    if float(gap.max()) > reach_mm:
        return 0.0
    points = small.points[:: 1 + len(small.points) // MOST_POINTS]
    away, _ = cKDTree(large.points).query(points, distance_upper_bound=reach_mm)
    return float(np.isfinite(away).mean())


def _step(
    visit: int, here: Sequence[Seen], tracks: list[_Open], reach: float, *, first: bool
) -> tuple[list[_Open], list[_Open]]:
    """Carry the tracks of one bone to a visit; returns new tracks and those that ended here."""
    active = [t for t in tracks if t.active]
    links = _links(here, active, reach)
    # The best pairs first: each track goes on in one lesion, and each lesion in one track.
    taken: dict[int, _Open] = {}
    for i, t in sorted(links, key=lambda pair: _order(here[pair[0]], active[pair[1]])):
        if i not in taken and all(active[t] is not one for one in taken.values()):
            taken[i] = active[t]
    parents = {n: [active[t] for i, t in links if i == n] for n in range(len(here))}
    children = {id(active[t]): sum(1 for _, u in links if u == t) for _, t in links}
    fresh: list[_Open] = []
    for n, lesion in enumerate(here):
        if n in taken:
            track, from_ = taken[n], parents[n]
            fate = Fate.KEPT
            if len(from_) > 1:
                fate = Fate.MERGED
                track.kin += [t for t in from_ if t is not track]
            elif children[id(track)] > 1:
                fate = Fate.SPLIT
            track.stops.append(Stop(visit, fate, lesion))
            track.last = lesion
        elif parents[n]:
            fate = Fate.SPLIT
            kin = list(parents[n])
            fresh.append(_Open(lesion.key, [Stop(visit, fate, lesion)], lesion, True, kin, kin[:]))
    gone = _end(visit, here, active, links, list(taken.values()))
    back = [n for n in range(len(here)) if n not in taken and not parents[n]]
    dormant = [t for t in tracks if not t.active and t not in gone]
    again = dict(reversed(_links([here[n] for n in back], dormant, reach)))
    for place, n in enumerate(back):
        lesion = here[n]
        if place in again and not dormant[again[place]].active:
            track = dormant[again[place]]
            track.active, track.last = True, lesion
            track.stops.append(Stop(visit, Fate.NEW, lesion))
        else:
            fate = Fate.KEPT if first else Fate.NEW
            fresh.append(_Open(lesion.key, [Stop(visit, fate, lesion)], lesion))
    return fresh, gone


def _end(
    visit: int,
    here: Sequence[Seen],
    active: list[_Open],
    links: list[tuple[int, int]],
    going_on: list[_Open],
) -> list[_Open]:
    """End the tracks that do not go on: merged into another, or gone. Returns those gone."""
    gone = []
    for n, track in enumerate(active):
        if any(track is t for t in going_on):
            continue
        track.active = False
        into = [here[i] for i, t in links if t == n]
        if into:
            largest = max(into, key=lambda s: s.volume_mm3)
            track.stops.append(Stop(visit, Fate.MERGED, None, largest.lesion_id))
        else:
            track.stops.append(Stop(visit, Fate.GONE))
            gone.append(track)
    return gone


def _links(lesions: Sequence[Seen], tracks: Sequence[_Open], reach: float) -> list[tuple[int, int]]:
    """Pairs (lesion, track) that are the same by place: they overlap, or share their centre."""
    return [
        (i, t)
        for i, lesion in enumerate(lesions)
        for t, track in enumerate(tracks)
        if overlap(lesion, track.last, reach) >= SAME_SHARE
    ]


def _order(lesion: Seen, track: _Open) -> tuple[float, float]:
    """The pair with the most in common first, then the one whose centres are nearest."""
    return (-min(lesion.volume_mm3, track.last.volume_mm3), _distance(lesion, track.last))


def _distance(one: Seen, other: Seen) -> float:
    return float(np.linalg.norm(np.subtract(one.centroid, other.centroid)))


def _pair_moved(
    visit: int, fresh: list[_Open], gone: list[_Open], least_mm3: float, *, same_bone: bool
) -> None:
    """Take what is gone and what is new between the same two visits for one that moved."""

    def alike(new: _Open, old: _Open) -> bool:
        sizes = sorted((new.last.volume_mm3, old.last.volume_mm3))
        return (
            (new.key == old.key) is same_bone
            and new.stops[-1].fate is Fate.NEW
            and sizes[1] >= least_mm3
            and sizes[1] <= MOVED_RATIO * sizes[0]
        )

    pairs = [(new, old) for new in fresh for old in gone if alike(new, old)]
    for new, old in sorted(pairs, key=lambda p: _distance(p[0].last, p[1].last)):
        if not any(old is t for t in gone) or new.stops[-1].fate is not Fate.NEW:
            continue
        fate = Fate.MOVED if same_bone else Fate.MOVED_BONE
        new.stops[-1] = replace(new.stops[-1], fate=fate)
        new.parents.append(old)
        gone[:] = [t for t in gone if t is not old]


def _named(tracks: list[_Open]) -> tuple[Track, ...]:
    names = {id(track): f"T{n}" for n, track in enumerate(tracks, start=1)}
    families = _families(tracks)
    return tuple(
        Track(
            names[id(track)],
            track.key,
            tuple(track.stops),
            tuple(dict.fromkeys(names[id(t)] for t in (*track.parents, *track.kin))),
            tuple(names[id(t)] for t in tracks if id(t) in families[id(track)])
            if len(families[id(track)]) > 1
            else (),
        )
        for track in tracks
    )


def _families(tracks: list[_Open]) -> dict[int, set[int]]:
    """Tracks that split from or merged with each other, directly or over others."""
    family = {id(track): {id(track)} for track in tracks}
    for track in tracks:
        for other in track.kin:
            joined = family[id(track)] | family[id(other)]
            for one in joined:
                family[one] = joined
    return family
