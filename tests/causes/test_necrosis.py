"""Osteonecrosis against transient edema: when it shows, what each row says, what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path

import pytest

from marrowlight.causes.case import Case
from marrowlight.causes.knowledge import knowledge
from marrowlight.causes.necrosis import (
    Necrosis,
    Row,
    criteria,
    load_criteria,
    necrosis_or_transient,
)
from marrowlight.errors import KnowledgeError
from marrowlight.study.study import Joint

BAND = "serpiginous_band_or_double_line"
PERFUSION = "dce_subchondral_nonperfused"
THICKNESS = "subchondral_low_signal_thickness_mm"
LENGTH = "subchondral_low_signal_length_mm"
IN_PLAY = {"osteonecrosis": 0.2, "transient_osteoporosis_bmes": 0.3}


def weigh(
    present: Iterable[str] = (),
    absent: Iterable[str] = (),
    chances: Mapping[str, float] = IN_PLAY,
    joint: Joint = Joint.HIP,
    **more: object,
) -> Necrosis | None:
    case = Case(
        joint=joint,
        present=frozenset(present),
        absent=frozenset(absent),
        **more,  # type: ignore[arg-type]
    )
    return necrosis_or_transient(case, chances)


def section(*args: object, **more: object) -> Necrosis:
    found = weigh(*args, **more)  # type: ignore[arg-type]
    assert found is not None
    return found


def row(of: Necrosis, name: str) -> Row:
    return next(r for r in of.rows if r.id == name)


def test_it_shows_where_both_are_probable_and_only_there() -> None:
    assert weigh() is not None
    assert weigh(chances={"osteonecrosis": 0.2, "transient_osteoporosis_bmes": 0.04}) is None
    assert weigh(chances={"osteonecrosis": 0.04, "transient_osteoporosis_bmes": 0.3}) is None
    assert weigh(chances={}) is None
    assert weigh(chances={"osteonecrosis": 0.05, "regional_migratory_osteoporosis": 0.05})


@pytest.mark.parametrize("finding", [BAND, PERFUSION, "corticosteroid_use", "alcohol_excess"])
@pytest.mark.parametrize("joint", [Joint.HIP, Joint.KNEE, Joint.ANKLE])
def test_it_shows_where_a_sign_or_a_risk_is_stated(finding: str, joint: Joint) -> None:
    assert weigh([finding], chances={}, joint=joint) is not None
    assert weigh([], [finding], chances={}, joint=joint) is None


def test_diffuse_edema_puts_both_in_play_at_the_hip_only() -> None:
    assert weigh(["bme_diffuse"], chances={}) is not None
    assert weigh(["bme_diffuse"], chances={}, joint=Joint.KNEE) is None


def test_a_joint_without_priors_has_no_section() -> None:
    assert weigh([BAND], joint=Joint.SACROILIAC) is None


def test_unknown_leans_nowhere_and_is_counted() -> None:
    found = section()
    assert {r.state for r in found.rows} == {"unknown"}
    assert {r.leans for r in found.rows} == {"neither"}
    assert found.leans == "neither"
    assert f"{len(found.rows)} of {len(found.rows)} criteria are unknown" in found.balance


@pytest.mark.parametrize(
    ("name", "finding", "present", "absent"),
    [
        ("band", BAND, ("necrosis", "strong"), ("transient", "fair")),
        ("perfusion", PERFUSION, ("necrosis", "strong"), ("transient", "strong")),
        ("steroid", "corticosteroid_use", ("necrosis", "strong"), ("transient", "weak")),
        ("alcohol", "alcohol_excess", ("necrosis", "fair"), ("neither", "none")),
        ("extent", "bme_diffuse", ("transient", "weak"), ("necrosis", "fair")),
        ("collapse", "subchondral_collapse", ("necrosis", "strong"), ("transient", "weak")),
        ("bilateral", "bilateral_or_multifocal_symptoms", ("necrosis", "fair"),
         ("transient", "weak")),
        ("effusion", "mri_effusion", ("neither", "none"), ("transient", "weak")),
        ("cleared", "bme_resolved_on_followup", ("transient", "weak"), ("necrosis", "fair")),
        ("migrated", "bme_migrated_on_followup", ("transient", "strong"), ("neither", "none")),
    ],
)  # fmt: skip
def test_which_way_each_row_leans(
    name: str, finding: str, present: tuple[str, str], absent: tuple[str, str]
) -> None:
    there, gone = row(section([finding]), name), row(section([], [finding]), name)
    assert (there.state, gone.state) == ("present", "absent")
    assert (there.leans, there.strength) == present
    assert (gone.leans, gone.strength) == absent


@pytest.mark.parametrize(
    ("joint", "finding", "name", "limit"),
    [
        (Joint.HIP, THICKNESS, "thickness", 4.0),
        (Joint.HIP, LENGTH, "length", 12.5),
        (Joint.KNEE, THICKNESS, "thickness", 4.0),
        (Joint.KNEE, LENGTH, "length", 14.0),
    ],
)
def test_the_published_limits(joint: Joint, finding: str, name: str, limit: float) -> None:
    at = row(section(joint=joint, values={finding: limit}), name)
    below = row(section(joint=joint, values={finding: limit - 0.1}), name)
    assert (at.leans, below.leans) == ("necrosis", "transient")
    assert at.state == f"{limit:g} mm"
    assert {"vdberg1999", "lecouvet1998"} <= set(at.source)


def test_no_limit_is_published_for_the_ankle() -> None:
    found = section(joint=Joint.ANKLE, values={THICKNESS: 9.0})
    assert {"thickness", "length"}.isdisjoint(r.id for r in found.rows)


def test_pregnancy_is_asked_of_women_who_may_be() -> None:
    def ids(**more: object) -> set[str]:
        return {r.id for r in section(**more).rows}

    assert "pregnancy" in ids(sex="female", age=33.0)
    assert "pregnancy" not in ids(sex="female", age=60.0)
    assert "pregnancy" not in ids(sex="male", age=33.0)
    found = row(section(sex="female", age=33.0, pregnancy="trimester_3"), "pregnancy")
    assert (found.state, found.leans) == ("trimester 3", "transient")
    not_so = row(section(sex="female", age=33.0, pregnancy="not_pregnant"), "pregnancy")
    assert not_so.leans != "transient"


def test_the_strongest_rows_decide_the_balance() -> None:
    found = section([BAND, "bme_diffuse"])
    assert found.leans == "necrosis"
    assert found.balance.startswith("Leans to necrosis: band or double line present (strong)")
    assert "against edema diffuse" in found.balance
    assert section(["bme_diffuse"], [BAND, PERFUSION]).leans == "transient"


def test_strong_rows_that_point_both_ways_decide_nothing() -> None:
    found = section(["corticosteroid_use"], [PERFUSION])
    assert found.leans == "neither"
    assert found.balance.startswith("Contradictory:")


def test_next_is_the_unknown_row_that_separates_best() -> None:
    assert section().ask == BAND
    assert section([], [BAND]).ask in (THICKNESS, LENGTH)
    measured = {THICKNESS: 1.0, LENGTH: 2.0}
    known = [BAND, "subchondral_collapse", "corticosteroid_use"]
    assert section([], known, values=measured).ask == PERFUSION


def test_contrast_is_not_asked_for_in_pregnancy() -> None:
    unknown = {r.finding for r in criteria().criteria if r.finding} - {PERFUSION}
    plain = [f for f in unknown if knowledge().findings[f].three_valued]
    values = {THICKNESS: 1.0, LENGTH: 2.0}
    free = section([], plain, values=values, sex="female", age=33.0, pregnancy="not_pregnant")
    assert free.ask == PERFUSION
    with_child = section([], plain, values=values, sex="female", age=33.0, pregnancy="trimester_3")
    assert with_child.ask is None
    assert "contrast" not in with_child.next.lower()


@pytest.mark.parametrize("finding", [BAND, PERFUSION])
def test_dead_bone_that_is_seen_is_staged(finding: str) -> None:
    found = section([finding])
    assert found.ask is None
    assert "ARCO" in found.next
    assert "ARCO" not in section(["corticosteroid_use"]).next


def test_clearing_edema_is_never_said_to_rule_out_necrosis() -> None:
    found = section(["bme_resolved_on_followup"])
    assert "does not rule out necrosis" in found.caution.replace("\n", " ")
    assert "kept the necrosis" in row(found, "cleared").note


def test_every_row_has_a_source_that_resolves() -> None:
    known = {*knowledge().references, "estimate"}
    for found in (section(sex="female", age=30.0), section(joint=Joint.KNEE)):
        assert all(r.source and set(r.source) <= known for r in found.rows)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("finding: mri_effusion", "finding: mri_efusion", "did you mean mri_effusion"),
        ("  limits: {hip: 4, knee: 4}\n", "", "limits go with a number"),
        ("limits: {hip: 4, knee: 4}", "limits: {wrist: 4}", "limits"),
        ("[onHuang, onKoo]", "[nobody2020]", "no known source"),
        ("  pregnancy: true\n", "", "reads a finding or the pregnancy"),
        ("- {joint: [hip], all: [bme_diffuse]}", "- {}", "always hold"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    text = resources.files("marrowlight.causes").joinpath("data/necrosis.yaml").read_text("utf-8")
    assert old in text
    path = tmp_path / "necrosis.yaml"
    path.write_text(text.replace(old, new))
    with pytest.raises(KnowledgeError, match=r"necrosis\.yaml, line \d+") as error:
        load_criteria(path, knowledge())
    assert says in str(error.value)
