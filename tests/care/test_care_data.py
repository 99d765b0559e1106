"""The data of care: complete, sourced, without a dose, and loud when it breaks its rules."""

import re
import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from marrowlight.care.care_knowledge import CareKnowledge, care_knowledge, load_care
from marrowlight.causes.knowledge import knowledge
from marrowlight.errors import KnowledgeError

DATA = Path(str(resources.files("marrowlight.care"))) / "data"

DOSE = re.compile(
    r"\d[\d.,]*\s*(?:mg|g|kg|µg|μg|mcg|ug|IU|IE|ml|mL|units?|tablets?|mmol|drops?)\b"
    r"|\b(?:once|twice|times) (?:a day|daily|weekly|a week)\b",
)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def change(path: Path, old: str, new: str) -> int:
    """Replace the first ``old`` and return its line."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def texts(care: CareKnowledge) -> Iterator[str]:
    for option in care.options.values():
        yield from (option.name, option.what, *(c.text for c in option.cautions))
    for plan in care.plans.values():
        yield from (given.effect for given in plan.options)
    yield from (step.text for step in care.steps)
    yield from (note.text for each in care.lists for note in each.notes)
    yield from (given.effect for each in care.lists for given in each.adds)
    yield from (row.right for row in care.corrections.values())


def test_every_cause_has_options() -> None:
    care = care_knowledge()
    assert set(care.plans) == set(knowledge().causes)
    assert all(plan.options for plan in care.plans.values())


def test_every_option_is_used() -> None:
    care = care_knowledge()
    used = {given.option for plan in care.plans.values() for given in plan.options}
    assert used | {g.option for each in care.lists for g in each.adds} == set(care.options)


@pytest.mark.parametrize("key", [
    "protected_loading", "paracetamol", "nsaid", "strong_analgesics", "physical_therapy",
    "calcitonin", "teriparatide", "bisphosphonate", "iloprost", "denosumab", "vitamin_d",
    "shock_waves", "core_decompression", "dmard", "antibiotics_drainage", "contact_cast",
    "urate_lowering", "fixation", "ablation", "vitamin_c", "stop_drug",
])  # fmt: skip
def test_what_the_mission_names_is_there(key: str) -> None:
    assert key in care_knowledge().options


def test_no_dose_anywhere() -> None:
    found = [text for text in texts(care_knowledge()) if DOSE.search(text)]
    assert found == []


@pytest.mark.parametrize("text", ["5 mg once", "800 IU", "60 mg", "0.5 µg", "2 g", "twice daily"])
def test_the_search_for_doses_finds_doses(text: str) -> None:
    assert DOSE.search(text)


def test_drugs_used_for_primary_edema_are_marked_off_label() -> None:
    plan = care_knowledge().plans["transient_osteoporosis_bmes"]
    marked = {given.option for given in plan.options if given.off_label}
    assert marked == {"bisphosphonate", "iloprost", "denosumab", "calcitonin", "teriparatide"}


def test_each_popular_claim_is_set_right() -> None:
    care = care_knowledge()
    assert set(care.corrections) == {
        "three_to_four_weeks", "comes_and_goes", "blood_cells", "protects_from_infection",
        "list_of_causes", "osteonecrosis_worsens", "structure_intact", "nsaid_function",
        "calcium_absorption", "weights_first",
    }  # fmt: skip
    assert all(row.causes or row.options for row in care.corrections.values())


@pytest.mark.parametrize(("file", "old", "new", "said"), [
    ("causes/gout_crystal.yaml", "[estimate]", "[nobody2020]", "'nobody2020' is no known source"),
    ("causes/gout_crystal.yaml", "option: nsaid", "option: nsaids", "'nsaids' is no known option"),
    ("causes/gout_crystal.yaml", "[aspirate_hot_joint]", "[wait]", "'wait' is no known step"),
    ("causes/crps.yaml", "certainty: moderate", "certainty: sure", "certainty"),
    ("options/load.yaml", "finding: falls_risk", "finding: falls", "'falls' is no known finding"),
    ("options/bone_drugs.yaml", "below: 35", "under: 35", "'value' goes with"),
    ("options/bone_drugs.yaml", "value: egfr", "value: gfr", "'gfr' is no known finding"),
    ("options/load.yaml", "harm: 1", "harm: 9", "harm"),
    ("held_back.yaml", "[short_steroid,", "[steroid,", "'steroid' is no known option"),
    ("held_back.yaml", "tumour_marrow_infiltration", "tumor", "'tumor' is no known cause"),
    ("corrections.yaml", "polTOH", "polToh", "'polToh' is no known source"),
    ("lists.yaml", "[bisphosphonate,", "[bisphosphonates,", "'bisphosphonates' is no known option"),
    ("steps.yaml", "gives_way", "yields", "Extra inputs"),
])  # fmt: skip
def test_a_mistake_names_file_and_line(
    copied: Path, file: str, old: str, new: str, said: str
) -> None:
    line = change(copied / file, old, new)
    with pytest.raises(KnowledgeError) as error:
        load_care(copied, knowledge())
    assert said in str(error.value)
    where = error.value.where
    assert where is not None
    assert where.startswith(f"{Path(file).name}, line ")
    assert abs(int(where.rsplit(" ", 1)[1]) - line) <= 1


def test_an_option_given_twice_is_refused(copied: Path) -> None:
    change(copied / "causes/gout_crystal.yaml", "option: colchicine", "option: nsaid")
    with pytest.raises(KnowledgeError, match="'nsaid' has two rows"):
        load_care(copied, knowledge())


def test_a_cause_under_another_name_is_refused(copied: Path) -> None:
    (copied / "causes/crps.yaml").rename(copied / "causes/osteonecrosis2.yaml")
    with pytest.raises(KnowledgeError, match="not the name of the file"):
        load_care(copied, knowledge())


def test_the_hash_follows_the_data(copied: Path) -> None:
    before = load_care(copied, knowledge()).sha256
    change(copied / "causes/crps.yaml", "In the early warm phase.", "In the early phase.")
    assert before == care_knowledge().sha256
    assert load_care(copied, knowledge()).sha256 != before
