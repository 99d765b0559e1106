"""The equations: nothing is lost, rest is rest, and more load never gives less edema."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowlight.errors import UsageError
from marrowlight.simulate import simulate
from marrowlight.simulate.bone_fluid import STATE, BoneFluid
from marrowlight.simulate.drive import Drive, drives
from marrowlight.simulate.forcing import Forcing
from marrowlight.simulate.parameters import parameters, physiology
from marrowlight.simulate.person import person
from marrowlight.simulate.solve import solve

CAUSES = tuple(drives())
QUIET = Drive(
    cause="bone_contusion", pattern="resolves", region_ml=20, heal_weeks=6, bone_strength=1.5,
    places={"knee": {"medial_condyle": 1.0}}, source=("assumption",),
)  # fmt: skip


@pytest.mark.parametrize("cause", CAUSES)
def test_fluid_is_what_came_in_less_what_went_out(cause):
    assert simulate(cause, 60).imbalance_ml < 1e-6


def test_the_flows_that_are_reported_are_those_that_filled_the_bone():
    # Summed up by hand from the pressures, without the solver's own running totals.
    bone = BoneFluid(
        physiology(), Forcing(drives()[CAUSES[0]], person(drives()[CAUSES[0]], 30)), 14
    )
    weeks = np.linspace(0, 30, 60_001)
    state = dict(zip(STATE, solve(bone, weeks), strict=True))
    net = []
    for i, week in enumerate(weeks):
        f = bone.fluxes(
            week, *(state[n][i] for n in ("fluid", "inflammation", "resorption", "grown"))
        )
        net.append(f.filtered - f.drained - f.vented)
    came = np.concatenate([[0], np.cumsum(np.diff(weeks) * (np.array(net)[1:] + net[:-1]) / 2)])
    assert np.abs(came - state["fluid"]).max() < 1e-3


def test_without_a_drive_bone_stays_at_rest():
    rest = simulate("bone_contusion", 260, drive=QUIET)
    body = rest.body
    assert np.abs(rest.fluid_ml).max() < 1e-9
    assert rest.pressure_mmhg == pytest.approx(body.intraosseous_pressure_mmhg, abs=1e-6)
    assert rest.capillary_mmhg == pytest.approx(body.capillary_pressure_mmhg, abs=1e-6)
    assert rest.flow == pytest.approx(body.flow_ml, abs=1e-6)
    assert rest.blood_formation == pytest.approx(1, abs=1e-6)
    assert rest.filtered_ml[0, -1] > 10
    assert rest.filtered_ml == pytest.approx(rest.drained_ml)


@pytest.mark.parametrize("cause", CAUSES)
def test_more_load_never_gives_less_edema(cause):
    courses = [simulate(cause, 80, load=load).total_ml for load in (0.2, 0.6, 1.0, 1.4, 2.5)]
    for less, more in pairwise(courses):
        assert (more >= less - 1e-6).all()


@settings(max_examples=8, deadline=None)
@given(
    load=st.floats(0.1, 2.0), more=st.floats(0.05, 1.0), seed=st.integers(0, 1000),
    cause=st.sampled_from(CAUSES),
)  # fmt: skip
def test_more_load_never_gives_less_edema_in_anyone(load, more, seed, cause):
    less = simulate(cause, 26, load=load, seed=seed).total_ml
    assert (simulate(cause, 26, load=load + more, seed=seed).total_ml >= less - 1e-6).all()


def test_a_rigid_bone_gets_stiffer_as_it_fills():
    bone = BoneFluid(physiology(), Forcing(QUIET, person(QUIET, 10)), 20)
    pressure = [bone.fluxes(1, ml, 0, 0, 0).pressure_mmhg for ml in (0, 1, 2, 3, 4, 5)]
    rise = np.diff(pressure)
    assert (rise > 0).all()
    assert (np.diff(rise) > 0).all()


def test_blocked_veins_raise_the_capillary_pressure_and_fill_the_bone():
    free = simulate("transient_osteoporosis_bmes", 20, changed={"venous_squeeze": 0})
    squeezed = simulate("transient_osteoporosis_bmes", 20, changed={"venous_squeeze": 0.6})
    assert squeezed.capillary_mmhg.max() > free.capillary_mmhg.max()
    assert squeezed.peak_ml > free.peak_ml


@pytest.mark.parametrize("cause", ["transient_osteoporosis_bmes", "osteoarthritis_bml"])
def test_a_tighter_tolerance_gives_the_same_course(cause):
    usual = simulate(cause, 52)
    tighter = simulate(cause, 52, tolerance=1e-11)
    assert usual.total_ml == pytest.approx(tighter.total_ml, abs=1e-4)


def test_the_same_seed_is_the_same_person_and_another_is_not():
    one, again, other = (simulate("rheumatoid_arthritis", 40, seed=s) for s in (3, 3, 4))
    assert (one.total_ml == again.total_ml).all()
    assert not np.allclose(one.total_ml, other.total_ml)


@pytest.mark.parametrize("key", list(parameters()))
def test_every_parameter_does_something_at_its_ends(key):
    usual = simulate("insufficiency_fracture_subchondral", 20, care=("core_decompression",))
    moved = []
    for value in (parameters()[key].low, parameters()[key].high):
        if value != parameters()[key].value:
            moved.append(
                simulate(
                    "insufficiency_fracture_subchondral", 20, care=("core_decompression",),
                    load=1.6, changed={key: value},
                )
            )  # fmt: skip
    base = simulate(
        "insufficiency_fracture_subchondral", 20, care=("core_decompression",), load=1.6
    )
    assert usual.peak_ml <= base.peak_ml
    names = ("total_ml", "pressure_mmhg", "flow", "blood_formation")
    assert all(
        any(not np.allclose(getattr(one, n), getattr(base, n), rtol=1e-6) for n in names)
        for one in moved
    )


@pytest.mark.parametrize("weeks", [0, -4, 521, float("nan")])
def test_weeks_out_of_range_are_refused(weeks):
    with pytest.raises(UsageError, match="weeks"):
        simulate("bone_contusion", weeks)


def test_a_body_that_cannot_be_is_refused():
    with pytest.raises(UsageError, match="capillary"):
        simulate("bone_contusion", 10, changed={"arterial_pressure_mmhg": 30})
    with pytest.raises(UsageError, match="no parameter"):
        simulate("bone_contusion", 10, changed={"arterial": 30})


def test_all_arrays_have_one_row_for_each_site():
    migrating = simulate("regional_migratory_osteoporosis", 30)
    for field in dataclasses.fields(migrating):
        value = getattr(migrating, field.name)
        if isinstance(value, np.ndarray) and field.name not in ("weeks", "load"):
            assert value.shape == (3, len(migrating.weeks)), field.name
