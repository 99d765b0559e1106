"""Visits: one person over weeks, with known truth."""

import json
from itertools import pairwise

import numpy as np
import pytest
from small_phantom import SMALL

from marrowlight.errors import OutputExists, UsageError
from marrowlight.phantom import PhantomVisit, phantom_visits, sites, write_visits
from marrowlight.phantom.lesion import make_lesion
from marrowlight.phantom.visits import EXAMPLE, STRENGTH, course_truth
from marrowlight.simulate.drive import drives
from marrowlight.study.study import Joint

WEEKS = (0, 4, 8, 16)


@pytest.fixture(scope="module")
def bruise() -> tuple[PhantomVisit, ...]:
    return phantom_visits("bone_contusion", (0, 8), seed=5, also=(), **SMALL)


def volumes(course, seed, weeks=WEEKS, **options):
    return [visit.volume_mm3 for visit in phantom_visits(course, weeks, seed=seed, **options)]


@pytest.mark.parametrize("cause", drives())
@pytest.mark.parametrize("joint", ["knee", "hip", "ankle"])
def test_every_cause_has_places_in_every_joint(cause, joint):
    drive = drives()[cause]
    assert set(drive.path.get(joint) or drive.places[joint]) <= set(sites(joint))
    assert volumes(cause, 2, joint=joint)[0] > 500


@pytest.mark.parametrize("seed", range(4))
def test_each_pattern_looks_like_itself(seed):
    fades = volumes("resolves", seed, (0, 8, 16, 32))
    assert all(b < a for a, b in pairwise(fades))
    assert fades[-1] < 0.2 * fades[0]
    grows = volumes("progresses", seed)
    assert all(b > a for a, b in pairwise(grows))
    goes = volumes("fluctuates", seed, range(0, 40, 4))
    steps = np.sign(np.diff(goes))
    assert {-1, 1} == set(steps)
    moves = phantom_visits("migrates", (0, 8, 16, 24), seed=seed)
    assert moves[0].bones["tibia"] == 0
    assert moves[2].bones["tibia"] > moves[2].lesions[0]["volume_mm3"]


def test_a_pattern_stands_for_a_cause():
    assert volumes("migrates", 1) == volumes(EXAMPLE["migrates"], 1)


def test_the_same_seed_is_the_same_person_and_another_is_not():
    assert volumes("bone_contusion", 1) == volumes("bone_contusion", 1)
    assert volumes("bone_contusion", 1) != volumes("bone_contusion", 2)


def test_visits_do_not_depend_on_those_around_them():
    few, many = phantom_visits("migrates", (0, 16)), phantom_visits("migrates", (0, 4, 16, 20))
    assert [v["volume_mm3"] for v in few[1].lesions] == pytest.approx(
        [v["volume_mm3"] for v in many[2].lesions], abs=0.2
    )


def test_care_changes_the_course_after_it_begins():
    without = volumes("insufficiency_fracture_subchondral", 1)
    treated = volumes("insufficiency_fracture_subchondral", 1, care=("protected_loading:4",))
    assert treated[:2] == pytest.approx(without[:2], abs=0.2)
    assert treated[3] < 0.9 * without[3]


def test_the_images_hold_what_the_truth_says(bruise):
    for visit in bruise:
        lesions = visit.phantom.truth["lesions"]
        assert [one["volume_mm3"] for one in lesions] == [
            one["volume_mm3"] for one in visit.lesions if one["volume_mm3"]
        ]
        assert visit.phantom.truth["edema_voxel_volume_mm3"] == pytest.approx(
            visit.volume_mm3, rel=0.12
        )


def test_it_is_the_same_person_laid_down_anew(bruise):
    first, later = (visit.phantom for visit in bruise)
    moved = bruise[1].from_first
    assert np.abs(moved[:3, :3] - np.eye(3)).max() > 0.005
    # Every voxel of the later bones, brought back by the true motion, lies in the first ones.
    index = np.argwhere(later.bones.labels > 0)
    ras = later.grid.to_ras(index)
    back = ras @ np.linalg.inv(moved)[:3, :3].T + np.linalg.inv(moved)[:3, 3]
    inverse = np.linalg.inv(first.grid.affine)
    there = np.rint(back @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
    inside = ((there >= 0) & (there < first.grid.shape)).all(axis=1)
    labels = first.bones.labels[tuple(there[inside].T)]
    assert inside.mean() > 0.85
    assert (labels == later.bones.labels[tuple(index[inside].T)]).mean() > 0.93
    # Left where it is, it does not fit.
    there = np.rint(ras @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
    inside = ((there >= 0) & (there < first.grid.shape)).all(axis=1)
    labels = first.bones.labels[tuple(there[inside].T)]
    assert (labels == later.bones.labels[tuple(index[inside].T)]).mean() < 0.9


def test_a_lesion_keeps_its_outline(bruise):
    from marrowlight.phantom.anatomy import make_anatomy

    anatomy = make_anatomy(bruise[0].spec)
    a, b = (
        make_lesion(anatomy, visit.spec.edema[1], visit.spec.seed, visit.spec.edema[1].outline)
        for visit in bruise
    )
    assert (a.waves == b.waves).all()
    assert a.radius > b.radius
    assert a.spec.strength == STRENGTH


def test_noise_is_new(bruise):
    again = phantom_visits("bone_contusion", (0, 8, 12), seed=5, also=(), **SMALL)
    corner = [v.phantom.volume().voxels[:12, :12] for v in (bruise[0], bruise[1], again[1])]
    assert not np.array_equal(corner[0], corner[1])
    assert np.array_equal(corner[1], corner[2])


def test_dates_are_those_of_the_weeks(tmp_path):
    import pydicom

    visits = phantom_visits(
        "bone_contusion", (0, 6), seed=1, also=(), pixel_mm=4.0, slice_mm=12.0, samples=1
    )
    assert [v.name for v in write_visits(visits, tmp_path)] == ["week_000", "week_006"]
    seen = []
    for visit in visits:
        path = next((tmp_path / visit.name / "dicom").rglob("*.dcm"))
        seen.append(pydicom.dcmread(path))
    assert [ds.StudyDate for ds in seen] == ["20200101", "20200212"]
    assert seen[0].PatientID == seen[1].PatientID
    assert seen[0].StudyInstanceUID != seen[1].StudyInstanceUID
    truth = json.loads((tmp_path / "course_truth.json").read_text())
    assert truth == json.loads(json.dumps(course_truth(visits)))
    assert "not a prediction" in truth["label"]
    one = json.loads((tmp_path / "week_006" / "truth" / "truth.json").read_text())
    assert one["visit"]["weeks"] == 6
    with pytest.raises(OutputExists):
        list(write_visits(visits, tmp_path))
    # A shorter course in its place leaves nothing of the longer one.
    list(write_visits(visits[:1], tmp_path, overwrite=True))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["course_truth.json", "week_000"]


@pytest.mark.parametrize("weeks", [(), (4, 8), (0, 8, 4), (0, 0), (0, float("nan"))])
def test_weeks_that_do_not_rise_from_nought_are_refused(weeks):
    with pytest.raises(UsageError) as error:
        phantom_visits("bone_contusion", weeks)
    assert error.value.where == "--weeks"


def test_what_is_no_course_is_refused():
    with pytest.raises(UsageError) as error:
        phantom_visits("resolve")
    assert error.value.where == "--course"
    with pytest.raises(ValueError):
        phantom_visits("resolves", joint="elbow")


def test_a_left_joint_moves_about_its_own_middle():
    right, left = (phantom_visits("resolves", (0, 4), side=side) for side in ("right", "left"))
    for one in (right, left):
        spec = one[1].spec
        center = np.array([82.0 * (-1 if spec.side.value == "left" else 1), -8, 0])
        moved = one[1].from_first @ [*center, 1]
        assert moved[:3] == pytest.approx(center + spec.repeat.shift_mm)
    assert Joint.KNEE is right[0].spec.joint
