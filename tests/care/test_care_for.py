"""What is offered to whom: order, cautions, what waits for a flag, and whose list it is."""

import pytest

from marrowlight.care.care import Care, CareOption
from marrowlight.care.care_for import LEADING_MOST, NONE_LEADS, care_for
from marrowlight.care.care_knowledge import care_knowledge
from marrowlight.causes.case import Case
from marrowlight.causes.flag import Flag
from marrowlight.causes.flags import flag_rules
from marrowlight.causes.knowledge import knowledge
from marrowlight.study.study import Joint

BMES = "transient_osteoporosis_bmes"
SIF = "insufficiency_fracture_subchondral"
INFECTION = "infection_osteomyelitis_septic_arthritis"
TUMOR = "tumour_marrow_infiltration"
STRESS = "stress_fatigue_fracture"

BONE_DRUGS = {"bisphosphonate", "denosumab", "iloprost", "teriparatide", "calcitonin"}


def care(
    probabilities: dict[str, float], flags: tuple[str, ...] = (), joint: Joint = Joint.HIP,
    present: set[str] = frozenset(), absent: set[str] = frozenset(), **known: object,
) -> Care:  # fmt: skip
    patient = Case(joint, present=frozenset(present), absent=frozenset(absent), **known)  # type: ignore[arg-type]
    ranking = sorted(probabilities, key=lambda cause: -probabilities[cause])
    return care_for(patient, ranking, probabilities, [flag(cause) for cause in flags])


def flag(cause: str) -> Flag:
    return Flag(
        id=f"{cause}_suspected", cause=cause, what="What it is", why=("a reason",),
        rule_out="What rules it out", urgency="now", source=("estimate",),
    )  # fmt: skip


def by_id(found: Care) -> dict[str, CareOption]:
    return {option.id: option for option in found.options}


def test_transient_osteoporosis_starts_with_less_load() -> None:
    found = care({BMES: 0.8}, age=45, sex="male")
    ids = [option.id for option in found.options]
    assert found.list == "general"
    assert ids[0] == "protected_loading"
    assert ids.index("paracetamol") < ids.index("bisphosphonate") < ids.index("denosumab")
    assert ids[-1] == "core_decompression"
    assert "load off" in found.first[0]


def test_options_are_ordered_by_certainty_and_harm() -> None:
    found = by_id(care({"rheumatoid_arthritis": 0.9}))
    ids = list(found)
    same_harm = [i for i in ids if found[i].harm == 3]
    assert same_harm.index("dmard") < same_harm.index("nsaid")  # high before moderate
    assert ids.index("nsaid") < ids.index("short_steroid")  # equally sure, less harm first


def test_a_likely_cause_and_a_licensed_use_come_first() -> None:
    both = [option.id for option in care({BMES: 0.8, SIF: 0.2}).options]
    alone = [option.id for option in care({SIF: 0.8}).options]
    assert both.index("protected_loading") < both.index("osteoporosis_treatment")
    assert alone.index("osteoporosis_treatment") < alone.index("protected_loading")
    assert both.index("vitamin_d") < both.index("bisphosphonate")
    assert both.index("osteoporosis_treatment") < both.index("vitamin_d")  # its gain is uncertain


def test_what_trials_found_not_to_help_comes_after_what_may() -> None:
    found = care({"osteoarthritis_bml": 0.9}, joint=Joint.KNEE)
    benefits = [o.benefit == "none_shown" for o in found.options if not o.avoid]
    assert benefits == sorted(benefits)
    assert by_id(found)["bisphosphonate"].certainty == "moderate"
    assert found.options[0].id in {"strengthening", "topical_nsaid"}


def test_an_option_that_serves_two_causes_is_shown_once() -> None:
    found = care({SIF: 0.6, BMES: 0.5})
    drug = by_id(found)["bisphosphonate"]
    assert drug.for_causes == (SIF, BMES)
    assert [effect.benefit for effect in drug.effects] == ["none_shown", "likely"]
    assert drug.effect == drug.effects[1].text
    assert len(by_id(found)) == len(found.options)


def test_only_leading_causes_are_cared_for() -> None:
    many = {BMES: 0.4, SIF: 0.3, "osteonecrosis": 0.2, "crps": 0.15, "gout_crystal": 0.05}
    shown = {cause for option in care(many).options for cause in option.for_causes}
    assert shown == {BMES, SIF, "osteonecrosis"}
    assert len(shown) == LEADING_MOST
    assert {c for o in care({BMES: 0.1, SIF: 0.09}).options for c in o.for_causes} == {BMES}


def test_without_a_leading_cause_nothing_is_listed() -> None:
    found = care({BMES: 0.09, SIF: 0.05})
    assert found.options == ()
    assert NONE_LEADS in found.notes


def test_pregnancy_has_its_own_list() -> None:
    found = care({BMES: 0.8, SIF: 0.2}, age=33, sex="female", pregnancy="trimester_3")
    assert found.list == "pregnancy"
    assert not BONE_DRUGS & set(by_id(found))
    assert {row.id for row in found.left_out} >= BONE_DRUGS
    assert "pregnancy_plan" in by_id(found)
    assert by_id(found)["nsaid"].avoid
    assert any("gadolinium" in note for note in found.notes)
    assert not by_id(found)["protected_loading"].avoid


@pytest.mark.parametrize(("pregnancy", "weeks", "avoid"), [
    ("trimester_1", None, False), ("trimester_2", None, False), ("trimester_2", 19, False),
    ("trimester_2", 20, True), ("trimester_3", None, True), (None, 24, True),
])  # fmt: skip
def test_anti_inflammatory_drugs_end_at_week_20(
    pregnancy: str | None, weeks: int | None, avoid: bool
) -> None:
    values = {} if weeks is None else {"gestation_weeks": float(weeks)}
    found = care({BMES: 0.8}, sex="female", pregnancy=pregnancy, values=values)
    drug = by_id(found)["nsaid"]
    assert found.list == "pregnancy"
    assert drug.avoid is avoid
    if pregnancy is not None:
        assert any(c.source == ("fda2020",) for c in drug.cautions)


@pytest.mark.parametrize("cause", sorted(knowledge().causes))
@pytest.mark.parametrize("joint", [Joint.HIP, Joint.KNEE, Joint.ANKLE])
def test_a_child_and_a_pregnant_woman_are_offered_no_drug_for_bone(
    cause: str, joint: Joint
) -> None:
    child = care({cause: 0.9}, joint=joint, age=10)
    woman = care({cause: 0.9}, joint=joint, age=30, pregnancy="trimester_1")
    for found, added in ((child, "pediatric_review"), (woman, "pregnancy_plan")):
        assert not BONE_DRUGS & set(by_id(found))
        assert set(by_id(found)) - {added}
    assert child.list == "child"


def test_a_pregnant_girl_has_what_both_lists_say() -> None:
    found = care({BMES: 0.8}, age=16, sex="female", pregnancy="trimester_2")
    assert found.list == "pregnancy"
    assert {"pregnancy_plan", "pediatric_review"} <= set(by_id(found))


def test_kidney_disease_warns_of_nsaid_and_bisphosphonate() -> None:
    found = by_id(care({BMES: 0.8}, present={"kidney_disease"}, age=60, sex="male"))
    assert any("kidney" in c.text.lower() for c in found["nsaid"].cautions)
    assert any("kidney" in c.text.lower() for c in found["bisphosphonate"].cautions)
    assert not found["nsaid"].avoid
    low = by_id(care({BMES: 0.8}, values={"egfr": 29.0}, age=60, sex="male"))
    assert low["nsaid"].avoid
    assert low["bisphosphonate"].avoid
    assert list(low)[-1] in {"nsaid", "bisphosphonate", "teriparatide"}
    assert not by_id(care({BMES: 0.8}, values={"egfr": 35.0}))["bisphosphonate"].avoid


@pytest.mark.parametrize(("finding", "option"), [
    ("peptic_ulcer_or_bleeding", "nsaid"), ("anticoagulant", "nsaid"),
    ("heart_failure_or_recent_infarction", "iloprost"), ("hypocalcemia", "denosumab"),
    ("unhealed_dental_surgery", "bisphosphonate"), ("breastfeeding", "iloprost"),
    ("planning_pregnancy", "denosumab"), ("clotting_disorder", "shock_waves"),
    ("bone_radiotherapy_or_malignancy", "teriparatide"),
    ("subchondral_collapse", "core_decompression"),
])  # fmt: skip
def test_what_forbids_an_option_puts_it_last(finding: str, option: str) -> None:
    without = by_id(care({BMES: 0.8}, absent={finding}))
    found = by_id(care({BMES: 0.8}, present={finding}))
    assert not without[option].avoid
    assert found[option].avoid
    assert all(o.avoid for o in list(found.values())[list(found).index(option) :])


def test_what_is_not_known_is_to_be_checked_and_not_taken_as_absent() -> None:
    unknown = by_id(care({BMES: 0.8}, age=60, sex="male"))["nsaid"]
    assert {"Anticoagulant", "Peptic ulcer or bleeding", "Kidney function (eGFR)"} <= set(
        unknown.check
    )
    assert "Pregnancy" not in unknown.check
    known = by_id(care({BMES: 0.8}, age=60, sex="male", absent={"anticoagulant"}))["nsaid"]
    assert set(unknown.check) - set(known.check) == {"Anticoagulant"}
    ruled_out = by_id(care({BMES: 0.8}, present={"anticoagulant"}))["nsaid"]
    assert ruled_out.check == ()


def test_only_what_would_forbid_an_option_is_to_be_checked() -> None:
    assert by_id(care({BMES: 0.8}, age=60, sex="male"))["strong_analgesics"].check == ()


def test_a_possible_neck_fracture_holds_back_load() -> None:
    causes = {STRESS: 0.6, "biomechanical_overload": 0.3, BMES: 0.2}
    found = care(causes, (STRESS,), age=24, sex="female")
    waits = {option.id for option in found.options if option.held_back}
    assert {"graded_return", "strengthening", "physical_therapy", "shock_waves"} <= waits
    assert {"protected_loading", "paracetamol", "fixation"}.isdisjoint(waits)
    assert "off this leg" in found.first[0]
    assert "no weight" in found.first[1]
    in_order = [bool(option.held_back) for option in found.options if not option.avoid]
    assert in_order == sorted(in_order)
    before = care(causes, age=24, sex="female")
    assert not any(option.held_back for option in before.options)


def test_possible_infection_holds_back_what_feeds_or_hides_it() -> None:
    found = by_id(care({"rheumatoid_arthritis": 0.7, BMES: 0.3}, (INFECTION,)))
    for option in ("short_steroid", "steroid_injection", "denosumab", "dmard", "biologic_or_jak",
                   "nsaid", "bisphosphonate", "iloprost", "core_decompression", "shock_waves",
                   ):  # fmt: skip
        assert found[option].held_back, option
        assert found[option].held_source
    for option in ("protected_loading", "paracetamol"):
        assert found[option].held_back is None, option
    assert any("temperature" in caution.text for caution in found["paracetamol"].cautions)


def test_possible_tumor_holds_back_steroid_bone_drugs_and_the_knife() -> None:
    causes = {BMES: 0.5, "rheumatoid_arthritis": 0.3, TUMOR: 0.2}
    found = by_id(care(causes, (TUMOR,), joint=Joint.KNEE))
    for option in ("short_steroid", "denosumab", "teriparatide", "shock_waves",
                   "core_decompression", "prophylactic_fixation"):  # fmt: skip
        assert found[option].held_back, option
    assert found["oncology_referral"].held_back is None


def test_an_active_charcot_foot_is_not_walked_on() -> None:
    found = care({"neuropathic_charcot": 0.5, "biomechanical_overload": 0.4},
                 ("neuropathic_charcot",), joint=Joint.ANKLE)  # fmt: skip
    options = by_id(found)
    assert options["load_management"].held_back
    assert options["contact_cast"].held_back is None
    assert any("no further step" in step for step in found.first)


def test_a_foot_that_may_be_infected_is_not_closed_into_a_cast() -> None:
    found = by_id(care({"neuropathic_charcot": 0.5, INFECTION: 0.4},
                       ("neuropathic_charcot", INFECTION), joint=Joint.ANKLE))  # fmt: skip
    assert found["contact_cast"].held_back
    assert found["protected_loading"].held_back is None


def test_an_opinion_on_fixation_never_waits() -> None:
    found = by_id(care({"acute_fracture_occult": 0.5, TUMOR: 0.3}, (TUMOR,)))
    assert found["fixation"].held_back is None
    assert any("tumor" in caution.text for caution in found["fixation"].cautions)


def test_strengthening_comes_after_load_is_off_where_a_bone_may_give_way() -> None:
    worn = {"osteoarthritis_bml": 0.5, "insufficiency_fracture_subchondral": 0.4}
    found = care(worn, joint=Joint.KNEE)
    ids = [option.id for option in found.options]
    assert ids.index("protected_loading") < ids.index("strengthening")
    assert any("Not yet" in c.text for c in by_id(found)["strengthening"].cautions)
    alone = by_id(care({"osteoarthritis_bml": 0.9}, joint=Joint.KNEE))
    assert not any("Not yet" in c.text for c in alone["strengthening"].cautions)


def test_two_flags_give_both_reasons() -> None:
    found = by_id(care({BMES: 0.8}, (INFECTION, TUMOR)))
    why = found["denosumab"].held_back
    assert why is not None
    assert "infection" in why
    assert "tumor" in why


def test_every_rule_of_what_waits_can_take_effect() -> None:
    served = {given.option for plan in care_knowledge().plans.values() for given in plan.options}
    for hold in care_knowledge().holds:
        assert served & set(hold.options), hold.why


def test_moving_on_gives_way_to_sparing_the_leg() -> None:
    alone = care({"osteoarthritis_bml": 0.9}, joint=Joint.KNEE)
    both = care({"osteoarthritis_bml": 0.9, SIF: 0.5}, joint=Joint.KNEE)
    assert "Keep moving" in alone.first[0]
    assert not any("Keep moving" in step for step in both.first)


def test_joint_and_findings_decide_what_exists() -> None:
    hip = care({SIF: 0.8}, present={"meniscal_root_tear_or_extrusion"})
    knee = care({SIF: 0.8}, joint=Joint.KNEE, present={"meniscal_root_tear_or_extrusion"})
    unasked = care({SIF: 0.8}, joint=Joint.KNEE)
    assert "root_repair" in by_id(knee)
    assert "root_repair" not in by_id(hip)
    assert "root_repair" not in by_id(unasked)


@pytest.mark.parametrize(("known", "shown"), [
    ({"age": 75}, True), ({"age": 30}, False), ({}, True),
    ({"age": 30, "present": {"osteoporosis_or_osteopenia"}}, True),
])  # fmt: skip
def test_osteoporosis_is_looked_for_after_a_fracture_late_in_life(
    known: dict[str, object], shown: bool
) -> None:
    found = care({"acute_fracture_occult": 0.8}, **known)  # type: ignore[arg-type]
    assert ("osteoporosis_treatment" in by_id(found)) is shown


def test_corrections_concern_what_is_shown() -> None:
    bmes = {row.id for row in care({BMES: 0.8}).corrections}
    assert {"three_to_four_weeks", "nsaid_function", "weights_first"} <= bmes
    assert "structure_intact" not in bmes
    knee = {row.id for row in care({"osteoarthritis_bml": 0.8}, joint=Joint.KNEE).corrections}
    assert "structure_intact" in knee
    assert "three_to_four_weeks" not in knee
    pregnant = care({BMES: 0.8}, pregnancy="trimester_3")
    assert "calcium_absorption" not in {row.id for row in pregnant.corrections}


def test_care_prescribes_nothing_and_cannot_be_changed() -> None:
    found = care({BMES: 0.8})
    assert "Nothing is prescribed" in found.disclaimer
    with pytest.raises(ValueError, match="frozen"):
        found.options[0].avoid = True  # type: ignore[misc]
    assert Care.model_validate_json(found.model_dump_json()) == found


def test_every_flag_has_a_first_step_and_holds_something_back() -> None:
    flagged = {rule.cause for rule in flag_rules()}
    known = care_knowledge()
    assert flagged <= {cause for step in known.steps for cause in step.causes}
    assert flagged <= {c for hold in known.holds for c in hold.causes if hold.level == "avoid"}
