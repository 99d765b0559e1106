"""FHIR bundles pass three validators that each refuse what the others let through, and a server.

fhir.resources checks R4B, the nearest to R4 that it has (the resources used here are the same in
both); the npm packages ``fhir`` and Medplum check R4 itself, and Medplum takes the transaction.
"""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import many_readings as many
import pytest
from made_material import knee_material
from pydantic import ValidationError

from marrowlight.export.fhir import fhir_bundle
from tests.hostile_strings import HOSTILE

NODE = Path(__file__).parent / "node"
NPM_SECONDS = 300

Bundle = dict[str, Any]
Check = Callable[[list[Bundle]], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def readings(small_exam: Any) -> dict[str, Bundle]:
    strange = dict.fromkeys(("IssuerOfPatientID", "StudyDescription"), HOSTILE["script"])
    made = {
        "positive": knee_material(many.GRID),
        "negative": many.negative(),
        "both knees": many.both_knees(),
        "side unknown": many.unknown_side(),
        "read in part": many.part_read(),
        "no DICOM": many.no_dicom(),
        "no patient": many.with_header(PatientID="", AccessionNumber="", StudyDate=""),
        "hostile": many.with_header(Modality="=1+1", SeriesNumber="-1", **strange),
        "given mask": many.drawn(small_exam),
        "phantom": many.phantom(small_exam, "nifti"),
    }
    return {name: fhir_bundle(material) for name, material in made.items()}


@pytest.fixture(scope="session")
def check() -> Check:
    """Runs the validators for Node, installed from the lock file on first use."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("Node.js with npm is not installed")
    lock = hashlib.sha256((NODE / "package-lock.json").read_bytes()).hexdigest()
    stamp = NODE / "node_modules" / ".marrowlight-lock"
    if not stamp.is_file() or stamp.read_text() != lock:
        command = [npm, "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"]
        try:
            subprocess.run(command, cwd=NODE, check=True, capture_output=True, timeout=NPM_SECONDS)
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"npm could not fetch the validators: {type(error).__name__}")
        stamp.write_text(lock)

    def run(bundles: list[Bundle]) -> list[dict[str, Any]]:
        done = subprocess.run(
            [node, "check.mjs"], cwd=NODE, input=json.dumps(bundles), check=False,
            capture_output=True, text=True, encoding="utf-8", timeout=NPM_SECONDS,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    return run


@pytest.fixture(scope="module")
def found(check: Check, readings: dict[str, Bundle]) -> dict[str, dict[str, Any]]:
    return dict(zip(readings, check(list(readings.values())), strict=True))


def python_refuses(bundle: Bundle) -> bool:
    from fhir.resources.R4B.bundle import Bundle as Checked

    try:
        Checked.model_validate_json(json.dumps(bundle))
    except ValidationError:
        return True
    return False


def test_all_pass_fhir_resources(readings: dict[str, Bundle]) -> None:
    assert [name for name, bundle in readings.items() if python_refuses(bundle)] == []


@pytest.mark.parametrize("validator", ["fhir", "medplum"])
def test_all_pass_the_validators_for_r4(found: dict[str, dict[str, Any]], validator: str) -> None:
    assert {name: one[validator] for name, one in found.items() if one[validator]} == {}


def test_a_server_makes_everything_once_however_often_it_is_posted(
    found: dict[str, dict[str, Any]], readings: dict[str, Bundle]
) -> None:
    for name, bundle in readings.items():
        first, second = found[name]["posted"]["answers"]
        entries = len(bundle["entry"])
        assert first == ["201"] * entries, name
        assert second == ["200"] * entries, name
        held = found[name]["posted"]["held"]
        assert sum(map(len, held.values())) == entries, name
        (report,) = held["DiagnosticReport"]
        there = {f"Observation/{one['id']}" for one in held["Observation"]}
        assert {one["reference"] for one in report["result"]} <= there


def first(bundle: Bundle, kind: str) -> dict[str, Any]:
    found = [one["resource"] for one in bundle["entry"]]
    return next(one for one in found if one["resourceType"] == kind)


SPOILED: dict[str, tuple[Callable[[Bundle], Any], set[str]]] = {
    "a status that is no word of FHIR": (
        lambda b: first(b, "DiagnosticReport").update(status="maybe"), {"fhir"}),
    "an observation without a status": (
        lambda b: first(b, "Observation").pop("status"), {"python", "fhir", "medplum"}),
    "an observation without a code": (
        lambda b: first(b, "Observation").pop("code"), {"python", "fhir", "medplum"}),
    "a study without a subject": (
        lambda b: first(b, "ImagingStudy").pop("subject"), {"python", "fhir", "medplum"}),
    "an element of R5": (
        lambda b: first(b, "Observation").update(bodyStructure={"reference": "#site"}),
        {"python", "fhir", "medplum"}),
    "a time without a zone": (
        lambda b: first(b, "Observation").update(issued="2026-01-01T10:00:00"),
        {"python", "medplum"}),
    "a number as text": (
        lambda b: first(b, "Observation")["component"][0]["valueQuantity"].update(value="12"),
        {"fhir", "medplum"}),
    "two values": (lambda b: first(b, "Observation").update(valueString="x"), {"python"}),
}  # fmt: skip
"""What is wrong, and which validators see it: none of them sees all."""


def test_the_validators_can_fail(check: Check, readings: dict[str, Bundle]) -> None:
    bundles = {}
    for name, (spoil, _) in SPOILED.items():
        bundles[name] = copy.deepcopy(readings["positive"])
        spoil(bundles[name])
    seen = {}
    for (name, bundle), one in zip(bundles.items(), check(list(bundles.values())), strict=True):
        seen[name] = {kind for kind in ("fhir", "medplum") if one[kind]}
        seen[name] |= {"python"} if python_refuses(bundle) else set()
    assert seen == {name: who for name, (_, who) in SPOILED.items()}


def test_a_name_of_the_bundle_as_identifier_would_be_created_twice(
    check: Check, readings: dict[str, Bundle]
) -> None:
    """Why it is none: the server puts its own address in its place, and never finds it again."""
    bundle = copy.deepcopy(readings["negative"])
    for one in bundle["entry"]:
        one["resource"]["identifier"][0] = {
            "system": "urn:ietf:rfc:3986",
            "value": one["fullUrl"],
        }
        one["request"]["ifNoneExist"] = f"identifier=urn:ietf:rfc:3986|{one['fullUrl']}"
    (answer,) = check([bundle])
    assert "201" in answer["posted"]["answers"][1]


def test_the_validators_are_pinned_by_integrity_and_name_no_registry() -> None:
    lock = json.loads((NODE / "package-lock.json").read_text())
    packages = [one for name, one in lock["packages"].items() if name]
    assert all(
        one["integrity"].startswith("sha512-") for one in packages if not one.get("inBundle")
    )
    assert "resolved" not in (NODE / "package-lock.json").read_text()
