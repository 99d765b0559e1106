"""Zones end to end: from the bones of a phantom hip to the reading and the report."""

import json

import jsonschema
import nibabel as nib
import numpy as np
import pytest

from marrowlight.phantom.phantom import make_phantom
from marrowlight.phantom.spec import EdemaSpec, PhantomSpec
from marrowlight.phantom.write import write_phantom
from marrowlight.report.schema import shipped_schema
from marrowlight.study.study import Joint
from tests.cli.running import run_cli


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A coarse hip with edema in the femoral head, measured by its own truth."""
    folder = tmp_path_factory.mktemp("hip")
    spec = PhantomSpec(
        joint=Joint.HIP, pixel_mm=1.0, slice_mm=4.0, edema=(EdemaSpec("femoral_head", 4000),)
    )
    truth = write_phantom(make_phantom(spec), folder / "phantom") / "truth"
    from marrowlight.cli.app import run

    words = ["measure", "--edema", truth / "edema.nii.gz", "--bones", truth / "bones.nii.gz",
             "--bone-labels", "registry", "--joint", "hip", "--side", "right", "-o",
             folder / "out", "--quiet"]  # fmt: skip
    assert run([str(w) for w in words]) == 0
    return folder / "out"


def reading(folder):
    return json.loads((folder / "reading.json").read_text())


def test_a_lesion_in_the_femoral_head_lies_in_zones_of_the_femoral_head(done):
    found = reading(done)
    jsonschema.validate(found, shipped_schema())
    (region,) = [r for r in found["regions"] if r["side"] == "right"]
    lesion = region["edema"]["lesions"][0]
    parts = [p for p in lesion["zones"] if p["system"] == "hip"]
    assert sum(p["share_of_lesion"] for p in parts) == pytest.approx(1, abs=0.02)
    assert sum(p["share_of_lesion"] for p in parts if p["zone"].startswith("head")) > 0.9
    volume = sum(p["volume_mm3"] for p in parts)
    assert volume == pytest.approx(lesion["volume_mm3"], rel=0.02)


def test_zones_and_what_is_outside_add_up_to_the_edema(done):
    for region in reading(done)["regions"]:
        total = region["edema"]["volume_mm3"]
        for outside in region["outside"]:
            zones = [z for z in region["zones"] if z["system"] == outside["system"]]
            inside = sum(z["edema_mm3"] for z in zones)
            assert inside + outside["edema_mm3"] == pytest.approx(total)
            assert all(0 <= z["share"] <= 1 for z in zones)


def test_zones_take_no_more_room_than_their_bones(done):
    image = nib.load(done / "bones.nii.gz")
    labels = np.asanyarray(image.dataobj)
    voxel = abs(np.linalg.det(image.affine[:3, :3]))
    for region in reading(done)["regions"]:
        for bone in region["bones"]:
            for system in {z["system"] for z in region["zones"]}:
                zones = [z for z in region["zones"] if z["system"] == system]
                held = sum(z["volume_mm3"] for z in zones if z["bone"] == bone["bone"])
                assert held <= (labels == bone["label"]).sum() * voxel * (1 + 1e-6)


def test_the_summary_the_versions_and_the_page_know_the_zones(done):
    found = reading(done)
    assert "femoral head" in found["summary"].lower()
    assert len(found["versions"]["zones"]) == 64
    page = (done / "report.html").read_text()
    assert "zones with edema" in page
    assert "Femur from" in page


def test_a_nameless_mask_has_no_zones_and_says_so(done, tmp_path, capsys):
    image = nib.load(done / "bones.nii.gz")
    nib.save(
        nib.Nifti1Image((np.asanyarray(image.dataobj) > 0).astype(np.uint8), image.affine),
        tmp_path / "all.nii.gz",
    )
    seen = run_cli(
        capsys, "measure", "--edema", done / "edema.nii.gz", "--bones", tmp_path / "all.nii.gz",
        "--joint", "hip", "--side", "right", "-o", tmp_path / "out", "--json",
    )  # fmt: skip
    assert seen.code == 0, seen.err
    (region,) = json.loads(seen.out)["reading"]["regions"]
    assert region["zones"] == []
    assert [b["bone"] for b in region["not_placed"]] == ["bone"]
    assert region["not_placed"][0]["reason"]
