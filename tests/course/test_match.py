"""Which lesion is which: kept, split, merged, new, gone, moved, and back again."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowlight.course.course import Fate
from marrowlight.course.match import Seen, Track, match, overlap
from marrowlight.course.visit import BoneKey
from marrowlight.study.study import Side

FEMUR, TIBIA = BoneKey("femur", Side.LEFT), BoneKey("tibia", Side.LEFT)


def ball(
    visit: int, id_: str, centre: tuple[float, float, float], radius: float, key: BoneKey = FEMUR
) -> Seen:
    """A lesion of 1 mm³ voxels."""
    n = int(np.ceil(radius))
    steps = np.stack(np.meshgrid(*(np.arange(-n, n + 1.0),) * 3, indexing="ij"), -1).reshape(-1, 3)
    points = steps[np.linalg.norm(steps, axis=1) <= radius] + centre
    return Seen(visit, id_, key, float(len(points)), points)


def follow(*visits: list[Seen], comparable: dict[BoneKey, list[int]] | None = None,
           least_mm3: float = 50.0) -> tuple[Track, ...]:  # fmt: skip
    every = list(range(len(visits)))
    return match(
        dict(enumerate(visits)),
        comparable or {FEMUR: every, TIBIA: every},
        slice_mm=dict.fromkeys(every, 3.0),
        least_mm3=least_mm3,
    )


def fates(track: Track) -> list[tuple[int, str, str | None]]:
    return [(s.visit, s.fate.value, s.lesion and s.lesion.lesion_id) for s in track.stops]


def test_a_lesion_that_shrinks_where_it_is_keeps_its_track():
    (one,) = follow([ball(0, "e1", (0, 0, 0), 10)], [ball(1, "e4", (3, 0, 0), 4)])
    assert one.track_id == "T1"
    assert fates(one) == [(0, "kept", "e1"), (1, "kept", "e4")]
    assert one.volume_at(0) > 10 * one.volume_at(1) > 0
    assert not one.parents
    assert not one.family


def test_tracks_are_numbered_by_first_visit_and_then_by_size():
    small, large = ball(0, "e2", (-30, 0, 0), 4), ball(0, "e1", (0, 0, 0), 8)
    later = ball(1, "e1", (40, 0, 0), 12)
    tracks = follow([small, large], [small, large, later], least_mm3=1e9)
    assert [t.stops[0].lesion for t in tracks] == [large, small, later]
    assert [t.track_id for t in tracks] == ["T1", "T2", "T3"]


def test_new_and_gone():
    tracks = follow([ball(0, "e1", (0, 0, 0), 6)], [ball(1, "e1", (40, 0, 0), 6)], least_mm3=1e9)
    assert fates(tracks[0]) == [(0, "kept", "e1"), (1, "gone", None)]
    assert fates(tracks[1]) == [(1, "new", "e1")]
    assert not tracks[1].parents


def test_a_lesion_that_falls_in_two_is_one_family():
    whole = ball(0, "e1", (0, 0, 0), 10)
    parts = [ball(1, "e1", (-6, 0, 0), 4), ball(1, "e2", (6, 0, 0), 3)]
    first, second = follow([whole], parts)
    assert fates(first) == [(0, "kept", "e1"), (1, "split", "e1")]
    assert fates(second) == [(1, "split", "e2")]
    assert second.parents == ("T1",)
    assert first.family == second.family == ("T1", "T2")


def test_two_lesions_that_grow_together_are_one_family():
    parts = [ball(0, "e1", (-6, 0, 0), 5), ball(0, "e2", (6, 0, 0), 4)]
    whole = ball(1, "e1", (0, 0, 0), 12)
    first, second = follow(parts, [whole])
    assert fates(first) == [(0, "kept", "e1"), (1, "merged", "e1")]
    assert fates(second) == [(0, "kept", "e2"), (1, "merged", None)]
    assert second.stops[-1].into == "e1"
    assert first.parents == ("T2",)
    assert first.family == second.family == ("T1", "T2")
    assert second.volume_at(1) == 0


def test_moved_within_the_bone():
    tracks = follow([ball(0, "e1", (0, 0, 0), 6)], [ball(1, "e1", (40, 0, 0), 7)])
    assert fates(tracks[0])[-1] == (1, "gone", None)
    assert fates(tracks[1]) == [(1, "moved", "e1")]
    assert tracks[1].parents == ("T1",)


def test_moved_to_another_bone():
    here, there = ball(0, "e1", (0, 0, 0), 6), ball(1, "e1", (0, 0, -30), 6, TIBIA)
    tracks = follow([here], [there])
    assert fates(tracks[1]) == [(1, "moved_bone", "e1")]
    assert tracks[1].parents == ("T1",)
    assert tracks[1].key == TIBIA


def test_within_the_bone_goes_before_another_bone_and_one_lesion_moves_once():
    gone = ball(0, "e1", (0, 0, 0), 6)
    same, other = ball(1, "e1", (40, 0, 0), 6), ball(1, "e2", (0, 0, -10), 6, TIBIA)
    found = {t.key: t.stops[0].fate for t in follow([gone], [same, other])[1:]}
    assert found == {FEMUR: Fate.MOVED, TIBIA: Fate.NEW}


def test_much_larger_smaller_or_tiny_lesions_have_not_moved():
    for size, least in ((12, 50.0), (6, 1e9)):
        tracks = follow(
            [ball(0, "e1", (0, 0, 0), 6)], [ball(1, "e1", (40, 0, 0), size)], least_mm3=least
        )
        assert tracks[1].stops[0].fate is Fate.NEW


def test_what_comes_back_where_it_was_keeps_its_track():
    there, back = ball(0, "e1", (0, 0, 0), 6), ball(2, "e1", (1, 0, 0), 5)
    (one,) = follow([there], [], [back])
    assert fates(one) == [(0, "kept", "e1"), (1, "gone", None), (2, "new", "e1")]


def test_a_visit_that_does_not_show_the_bone_is_passed_over():
    there, later = ball(0, "e1", (0, 0, 0), 6), ball(2, "e1", (0, 0, 0), 6)
    (one,) = follow([there], [], [later], comparable={FEMUR: [0, 2]})
    assert fates(one) == [(0, "kept", "e1"), (2, "kept", "e1")]


def test_a_bone_first_shown_later_has_no_new_lesions_then():
    (one,) = follow([], [ball(1, "e1", (0, 0, 0), 6)], comparable={FEMUR: [1]})
    assert fates(one) == [(1, "kept", "e1")]


def test_overlap_is_of_the_smaller_lesion_after_dilation():
    large, small = ball(0, "e1", (0, 0, 0), 10), ball(1, "e1", (11, 0, 0), 3)
    assert overlap(large, small, 0.9) == overlap(small, large, 0.9) < 0.5
    assert overlap(large, small, 3.0) > 0.5
    assert overlap(large, ball(1, "e1", (30, 0, 0), 3), 3.0) == 0


lesion = st.tuples(
    st.sampled_from([FEMUR, TIBIA]),
    st.tuples(*[st.integers(-24, 24)] * 3),
    st.integers(2, 5),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(lesion, max_size=4), min_size=2, max_size=4))
def test_every_lesion_lies_in_one_track_and_no_volume_is_lost(visits):
    seen = [
        [ball(v, f"e{n}", at, r, key) for n, (key, at, r) in enumerate(many)]
        for v, many in enumerate(visits)
    ]
    tracks = follow(*seen)
    placed = [(s.visit, s.lesion.lesion_id) for t in tracks for s in t.stops if s.lesion]
    assert sorted(placed) == sorted((s.visit, s.lesion_id) for many in seen for s in many)
    for v, many in enumerate(seen):
        assert sum(t.volume_at(v) for t in tracks) == sum(s.volume_mm3 for s in many)
    known = {t.track_id: t for t in tracks}
    for track in tracks:
        assert [s.visit for s in track.stops] == sorted({s.visit for s in track.stops})
        assert all(p in known and p != track.track_id for p in track.parents)
        assert all(s.lesion is None or s.lesion.key == track.key for s in track.stops)
        assert all(known[n].family == track.family for n in track.family)
