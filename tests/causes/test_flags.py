"""What must not be missed: each rule fires, is cleared, and keeps quiet; order; broken files."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from marrowlight.causes.case import Case
from marrowlight.causes.flags import flag_rules, flags_of, load_flags
from marrowlight.causes.knowledge import knowledge
from marrowlight.errors import KnowledgeError
from marrowlight.study.study import Joint

INFECTION = "infection_osteomyelitis_septic_arthritis"
TUMOR = "tumour_marrow_infiltration"
NECROSIS = "osteonecrosis"
STRESS = "stress_fatigue_fracture"
CHARCOT = "neuropathic_charcot"
FRACTURE = "acute_fracture_occult"


def case(text: str) -> tuple[Case, dict[str, float]]:
    """``hip 45 female +present -absent ~value=3 @pregnancy /pathway p:cause=0.2``."""
    joint, *words = text.split()
    fields: dict[str, object] = {"joint": Joint(joint)}
    present, absent, values, chances = set(), set(), {}, {}
    for word in words:
        head, tail = word[0], word[1:]
        if head == "+":
            present.add(tail)
        elif head == "-":
            absent.add(tail)
        elif head == "~":
            name, value = tail.split("=")
            values[name] = value if name == "bme_site" else float(value)
        elif head == "@":
            fields["pregnancy"] = tail
        elif head == "/":
            fields["pathway"] = tail
        elif word.startswith("p:"):
            cause, chance = word[2:].split("=")
            chances[cause] = float(chance)
        elif word in ("female", "male"):
            fields["sex"] = word
        else:
            fields["age"] = float(word)
    known = knowledge().findings
    assert not (present | absent | values.keys()) - known.keys(), f"no such finding in {text}"
    made = Case(
        **fields,  # type: ignore[arg-type]
        present=frozenset(present),
        absent=frozenset(absent),
        values=values,
    )
    return made, chances


def flagged(text: str) -> dict[str, str]:
    """Cause to the id of the rule whose flag stands."""
    return {flag.cause: flag.id for flag in flags_of(*case(text))}


BOTH = "-t1_confluent_replacement -focal_mass_or_discrete_lesion"
BAND = "-serpiginous_band_or_double_line"
STERILE = "-infected_joint_fluid_or_culture"
LINE = "-nonsubchondral_fracture_line"
FEELS = "-peripheral_neuropathy"

# rule: (a patient it flags, what is added to clear it or None, a patient it does not flag)
RULES: dict[str, tuple[str, str | None, str]] = {
    "infection_proven": ("knee 40 +abscess_or_sinus", None, "knee 40 -abscess_or_sinus"),
    "infection_wound": (
        "ankle 60 +penetrating_wound_or_ulcer",
        "-t1_confluent_replacement -cortical_destruction -abscess_or_sinus",
        "ankle 60 -penetrating_wound_or_ulcer",
    ),
    "infection_after_surgery": (
        "knee 60 +recent_joint_surgery +joint_warm_red_swollen",
        STERILE,
        "knee 60 +recent_joint_surgery",
    ),
    "infection_fever": ("knee 60 +fever", f"{STERILE} -abscess_or_sinus", "knee 60 -fever"),
    "infection_inflamed_joint": (
        "knee 50 +joint_warm_red_swollen +inflammatory_markers_raised",
        "-fever +crystals_in_joint_fluid",
        "knee 50 +joint_warm_red_swollen",
    ),
    "infection_child_not_walking": (
        "hip 3 +cannot_bear_weight",
        "-fever -inflammatory_markers_raised",
        "hip 3 +cannot_bear_weight +acute_trauma",
    ),
    "infection_child": (
        "knee 9 +periosteal_reaction_or_edema",
        "-inflammatory_markers_raised -fever -abscess_or_sinus",
        "knee 40 +periosteal_reaction_or_edema",
    ),
    "infection_markers": (
        "knee 50 +inflammatory_markers_raised +mri_effusion +bme_both_sides_of_joint",
        STERILE,
        "knee 50 +inflammatory_markers_raised +mri_effusion",
    ),
    "infection_destroyed_joint": (
        "hip 50 +cortical_destruction +mri_effusion +synovitis",
        "-inflammatory_markers_raised -fever",
        "hip 50 +mri_effusion +synovitis",
    ),
    "infection_t1": (
        "ankle 60 +t1_confluent_replacement +corticosteroid_use",
        STERILE,
        "ankle 60 +t1_confluent_replacement",
    ),
    "infection_one_joint": (
        "knee 50 +bme_both_sides_of_joint +mri_effusion +synovitis",
        STERILE,
        "knee 50 +bme_both_sides_of_joint +mri_effusion +synovitis +osteophytes",
    ),
    "infection_likely": (
        f"knee 50 p:{INFECTION}=0.2",
        STERILE,
        f"knee 50 p:{INFECTION}=0.05",
    ),
    "tumor_destruction": (
        "knee 50 +xr_lytic_or_destructive",
        f"{BOTH} -soft_tissue_mass",
        "knee 50 +xr_lytic_or_destructive +tophus_like_mass",
    ),
    "tumor_mass": ("knee 50 +soft_tissue_mass", None, "knee 50 +soft_tissue_mass +nidus_mri"),
    "tumor_t1": (
        "knee 50 +t1_confluent_replacement",
        None,
        "knee 50 +t1_confluent_replacement +abscess_or_sinus",
    ),
    "tumor_known_cancer": ("hip 70 +known_malignancy", BOTH, "hip 70 -known_malignancy"),
    "leukemia_child": (
        "hip 3 +pain_rest_or_night +bilateral_or_multifocal_symptoms",
        "+nidus_mri",
        "hip 3 +bilateral_or_multifocal_symptoms",
    ),
    "tumor_periosteum_young": (
        "knee 22 +periosteal_reaction_or_edema",
        BOTH,
        "knee 22 +periosteal_reaction_or_edema +training_load_increase",
    ),
    "tumor_blood_count": (
        "knee 35 +abnormal_blood_count",
        "+metaphyseal_with_epiphysis_spared -t1_confluent_replacement",
        "knee 35 -abnormal_blood_count",
    ),
    "tumor_wasting": (
        "hip 40 +weight_loss_or_night_sweats",
        f"{BOTH} -abnormal_blood_count",
        "hip 40 -weight_loss_or_night_sweats",
    ),
    "tumor_many_places": (
        "knee 50 +bme_patchy_multibone +alp_raised",
        BOTH,
        "ankle 50 +bme_patchy_multibone +alp_raised",
    ),
    "tumor_night_pain": (
        "hip 66 +pain_rest_or_night",
        BOTH,
        "hip 66 +pain_rest_or_night +osteophytes",
    ),
    "tumor_likely": (f"hip 50 p:{TUMOR}=0.2", BOTH, f"hip 50 p:{TUMOR}=0.05"),
    "necrosis_fractured": (
        "hip 40 +corticosteroid_use +subchondral_fracture_line",
        f"{BAND} -dce_subchondral_nonperfused",
        "hip 62 +subchondral_fracture_line",
    ),
    "necrosis_band": (
        "knee 40 +serpiginous_band_or_double_line",
        None,
        f"knee 40 {BAND}",
    ),
    "necrosis_large_low_signal": (
        "knee 62 ~subchondral_low_signal_length_mm=14",
        "-dce_subchondral_nonperfused",
        "knee 62 ~subchondral_low_signal_length_mm=13",
    ),
    "necrosis_risk": ("ankle 38 +corticosteroid_use", BAND, "hip 38 +smoker"),
    "necrosis_collapse": (
        "hip 45 +subchondral_collapse",
        f"{BAND} -dce_subchondral_nonperfused",
        "hip 75 +subchondral_collapse",
    ),
    "necrosis_after_injury": (
        "ankle 30 +acute_trauma ~bme_site=talar_body_neck ~symptom_duration_weeks=12",
        BAND,
        "ankle 30 +acute_trauma ~bme_site=talar_body_neck ~symptom_duration_weeks=2",
    ),
    "necrosis_film": ("hip 45 -xr_normal", BAND, "hip 45 -xr_normal +xr_joint_space_narrowing"),
    "necrosis_navicular": (
        "ankle 59 -xr_normal ~bme_site=navicular",
        "-subchondral_collapse -t1_confluent_replacement",
        "ankle 25 -xr_normal ~bme_site=navicular",
    ),
    "necrosis_child": (
        "hip 6 ~bme_site=femoral_head",
        f"{BAND} -subchondral_collapse",
        "hip 6 +fever ~bme_site=femoral_head",
    ),
    "necrosis_sickle": (
        "ankle 25 +abnormal_blood_count +sudden_onset +bilateral_or_multifocal_symptoms",
        f"{BAND} -dce_subchondral_nonperfused",
        "ankle 25 +abnormal_blood_count +sudden_onset",
    ),
    "necrosis_bilateral": (
        "knee 45 +bilateral_or_multifocal_symptoms",
        "-corticosteroid_use -alcohol_excess",
        "knee 70 +bilateral_or_multifocal_symptoms",
    ),
    "necrosis_likely": (
        f"hip 45 p:{NECROSIS}=0.2",
        f"{BAND} -dce_subchondral_nonperfused",
        f"hip 45 p:{NECROSIS}=0.1",
    ),
    "stress_femoral_neck": (
        "hip 30 ~bme_site=femoral_neck",
        "-training_load_increase -pain_weight_bearing",
        "hip 30 +nidus_mri ~bme_site=femoral_neck",
    ),
    "stress_high_risk_site": (
        "ankle 50 +training_load_increase ~bme_site=navicular",
        None,
        "ankle 50 +training_load_increase ~bme_site=talar_dome",
    ),
    "stress_typical_site": (
        "knee 20 +pain_weight_bearing ~bme_site=tibial_metaphysis",
        None,
        "knee 60 +pain_weight_bearing ~bme_site=tibial_metaphysis",
    ),
    "stress_low_energy": (
        "knee 19 +restricted_diet +pain_weight_bearing",
        None,
        "knee 60 +restricted_diet +pain_weight_bearing",
    ),
    "stress_atypical_femur": (
        "hip 70 +marrow_or_bone_active_treatment ~bme_site=femoral_shaft",
        None,
        "hip 70 ~bme_site=femoral_shaft",
    ),
    "stress_line_without_injury": (
        "knee 30 +nonsubchondral_fracture_line",
        None,
        "knee 30 +nonsubchondral_fracture_line +acute_trauma",
    ),
    "stress_likely": (f"ankle 30 p:{STRESS}=0.2", None, f"ankle 30 p:{STRESS}=0.1"),
    "charcot_neuropathy": (
        "ankle 60 +peripheral_neuropathy",
        None,
        "knee 60 +peripheral_neuropathy",
    ),
    "charcot_diabetes": ("ankle 60 +diabetes", FEELS, "knee 60 +diabetes"),
    "charcot_disorganized": ("ankle 60 +joint_disorganisation", FEELS, "ankle 60 +synovitis"),
    "charcot_warm_midfoot": (
        "ankle 60 +joint_warm_red_swollen ~bme_site=cuneiform_cuboid",
        "-diabetes",
        "ankle 60 +joint_warm_red_swollen +acute_trauma ~bme_site=cuneiform_cuboid",
    ),
    "charcot_likely": (f"ankle 60 p:{CHARCOT}=0.2", FEELS, f"ankle 60 p:{CHARCOT}=0.05"),
    "fracture_line_after_injury": (
        "knee 30 +acute_trauma +nonsubchondral_fracture_line",
        None,
        "knee 30 +acute_trauma",
    ),
    "fracture_hip_old": ("hip 80 /fall_in_age", LINE, "hip 80 +pain_weight_bearing"),
    "fracture_pregnancy": (
        "hip 33 female @trimester_3 +cannot_bear_weight",
        f"{LINE} -subchondral_fracture_line",
        "hip 33 female @not_pregnant +cannot_bear_weight",
    ),
    "fracture_cannot_stand": (
        "knee 40 +acute_trauma +cannot_bear_weight",
        LINE,
        "knee 40 +cannot_bear_weight",
    ),
    "fracture_hip_injury": ("hip 40 +acute_trauma", LINE, "knee 40 +acute_trauma"),
    "fracture_film_after_injury": (
        "knee 31 +acute_trauma -xr_normal",
        LINE,
        "knee 31 +acute_trauma -xr_normal +xr_joint_space_narrowing",
    ),
    "fracture_plateau": (
        "knee 31 +acute_trauma +mri_effusion ~bme_site=lateral_tibial_plateau",
        LINE,
        "knee 31 +acute_trauma +mri_effusion +kissing_contusions ~bme_site=lateral_tibial_plateau",
    ),
    "fracture_foot_injury": (
        "ankle 31 +acute_trauma ~bme_site=calcaneus",
        LINE,
        "ankle 31 +acute_trauma ~bme_site=talar_dome",
    ),
    "fracture_old_line": (
        "knee 70 +nonsubchondral_fracture_line",
        None,
        "knee 30 +nonsubchondral_fracture_line",
    ),
    "fracture_likely": (
        f"knee 50 p:{FRACTURE}=0.2",
        f"{LINE} -subchondral_fracture_line",
        f"knee 50 p:{FRACTURE}=0.1",
    ),
}


def test_every_rule_has_its_three_patients() -> None:
    assert set(RULES) == {rule.id for rule in flag_rules()}


@pytest.mark.parametrize("rule", RULES)
def test_rule_fires_is_cleared_and_keeps_quiet(rule: str) -> None:
    fires, clears, quiet = RULES[rule]
    assert rule in flagged(fires).values()
    assert rule not in flagged(quiet).values()
    data = next(r for r in flag_rules() if r.id == rule)
    if clears is not None:
        assert data.cleared_by
        assert data.cause not in flagged(f"{fires} {clears}")


def test_an_empty_case_and_a_plain_bruise_raise_nothing() -> None:
    assert flagged("knee") == {}
    assert flagged("knee 25 +acute_trauma +ligament_tear_acute +kissing_contusions") == {}


@pytest.mark.parametrize(
    ("text", "causes"),
    [
        ("hip 3 +fever +pain_rest_or_night +cannot_bear_weight", {INFECTION, TUMOR}),
        ("ankle 59 -xr_normal -acute_trauma ~bme_site=navicular", {NECROSIS}),
        ("hip 24 female @postpartum +sudden_onset", {FRACTURE}),
        ("hip 19 +training_load_increase +pain_weight_bearing", {STRESS}),
        ("hip 83 +acute_trauma +cannot_bear_weight +xr_normal", {FRACTURE}),
        ("ankle 55 +diabetes +joint_warm_red_swollen +penetrating_wound_or_ulcer",
         {CHARCOT, INFECTION}),
    ],
)  # fmt: skip
def test_patients_with_little_information(text: str, causes: set[str]) -> None:
    assert set(flagged(text)) == causes


def test_infection_needs_neither_fever_nor_markers() -> None:
    text = "knee 50 -fever +joint_warm_red_swollen +inflammatory_markers_raised"
    assert flagged(text)[INFECTION] == "infection_inflamed_joint"
    text = "ankle 50 -fever -inflammatory_markers_raised +penetrating_wound_or_ulcer"
    assert flagged(text)[INFECTION] == "infection_wound"


def test_a_pathway_that_is_named_fires_like_its_findings() -> None:
    assert flagged("ankle 60 /diabetic_wound")[INFECTION] == "infection_wound"
    assert flagged("hip 45 /steroid_or_alcohol")[NECROSIS] == "necrosis_risk"
    assert flagged("hip 19 /recruit_or_athlete")[STRESS] == "stress_femoral_neck"


def test_most_urgent_first_then_harm_then_probability() -> None:
    made, _ = case(
        "ankle 60 +diabetes +known_malignancy +fever +corticosteroid_use +acute_trauma"
        " +nonsubchondral_fracture_line"
    )
    chances = {FRACTURE: 0.3, CHARCOT: 0.1}
    flags = flags_of(made, chances)
    assert [f.cause for f in flags] == [INFECTION, FRACTURE, CHARCOT, TUMOR]
    assert [f.urgency for f in flags] == ["now", "now", "now", "soon"]
    other = [f.cause for f in flags_of(made, {FRACTURE: 0.1, CHARCOT: 0.3})]
    assert other == [INFECTION, CHARCOT, FRACTURE, TUMOR]


def test_one_flag_for_a_cause_with_the_reasons_of_all_its_rules() -> None:
    flags = flags_of(*case("knee 40 +fever +abscess_or_sinus"))
    assert [f.id for f in flags] == ["infection_proven"]
    names = knowledge().findings
    assert flags[0].why == (names["abscess_or_sinus"].name, names["fever"].name)


def test_the_ranking_is_a_reason_only_where_nothing_else_is() -> None:
    alone = flags_of(*case(f"hip 45 p:{NECROSIS}=0.21"))
    assert alone[0].why == ("probability 21% in the ranking",)
    with_band = flags_of(*case(f"hip 45 +serpiginous_band_or_double_line p:{NECROSIS}=0.9"))
    assert with_band[0].id == "necrosis_band"
    assert not any("ranking" in word for word in with_band[0].why)


def test_a_flag_stands_whatever_the_rank() -> None:
    made, _ = case("knee 40 +abscess_or_sinus")
    assert [f.cause for f in flags_of(made, {INFECTION: 0.0001})] == [INFECTION]


def test_unknown_age_fires_no_rule_on_age() -> None:
    assert flagged("hip +cannot_bear_weight") == {}
    assert flagged("hip 17.9 +abnormal_blood_count")[TUMOR] == "leukemia_child"
    assert flagged("hip 18 +abnormal_blood_count")[TUMOR] == "tumor_blood_count"


GOOD = """\
version: 1
flags:
- id: one
  cause: osteonecrosis
  urgency: soon
  what: Osteonecrosis on a band
  when: {any: [serpiginous_band_or_double_line]}
  rule_out: No band on T1 of both sides.
  source: [onMitch]
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("serpiginous_band_or_double_line", "serpiginous_band", 7, "no known finding"),
        ("cause: osteonecrosis", "cause: osteonecroses", 4, "did you mean osteonecrosis"),
        ("onMitch", "nobody2020", 9, "no known source"),
        ("urgency: soon", "urgency: later", 5, "urgency"),
        ("{any: [serpiginous_band_or_double_line]}", "{site: [femur_head]}", 7, "no known site"),
        ("{any: [serpiginous_band_or_double_line]}", "{sometimes: [fever]}", 7, "Extra inputs"),
        ("{any: [serpiginous_band_or_double_line]}", "{}", 7, "always hold"),
        ("{any: [serpiginous_band_or_double_line]}", "{age: [60, 20]}", 7, "out of order"),
        ("{any: [serpiginous_band_or_double_line]}", "{pathway: [moon]}", 7, "no known pathway"),
        ("{any: [serpiginous_band_or_double_line]}",
         "{at_least: {n: 3, of: [fever, leukocytosis]}}", 7, "never be present"),
        ("{any: [serpiginous_band_or_double_line]}",
         "{probability: {cause: osteonecrosis, at_least: 15}}", 7, "less than or equal to 1"),
        ("{any: [serpiginous_band_or_double_line]}",
         "{values: [{finding: crp_mg_l}]}", 7, "above"),
        ("  source: [onMitch]\n", "  source: [onMitch]\n  cleared_by: [{}]\n", 10, "always clear"),
    ],
)  # fmt: skip
def test_a_broken_file_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, says: str
) -> None:
    path = tmp_path / "flags.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(KnowledgeError) as error:
        load_flags(path, knowledge())
    assert f"flags.yaml, line {line}" in str(error.value)
    assert says in str(error.value)


def test_two_rules_of_one_id_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "flags.yaml"
    path.write_text(GOOD)
    assert len(load_flags(path, knowledge())) == 1
    path.write_text(GOOD + GOOD.split("flags:\n")[1])
    with pytest.raises(KnowledgeError, match="is there already"):
        load_flags(path, knowledge())


def test_the_file_of_the_package_holds_no_dose() -> None:
    text = resources.files("marrowlight.causes").joinpath("data/flags.yaml").read_text("utf-8")
    assert " mg " not in text
