"""Hold SEG and SR against other readers and validators, voxel by voxel and number by number.

    python -m benchmarks.documents_second_readers

Digital joints of both sides with known edema and, where the test data is there
($MARROWLIGHT_DATA or ../shared/data), masks over the real images of every vendor. Each SEG is read
by highdicom and by dcmqi, each SR by dcmqi; dciodvfy and dicom-validator look at all three objects.
Writes benchmarks/results/documents_second_readers.{json,md}.
"""

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom import dcmread

from benchmarks.dicom_rules import broken_rules
from benchmarks.second_readers import (
    farthest_mm,
    points,
    seg_by_dcmqi,
    seg_by_highdicom,
    sr_by_dcmqi,
)
from benchmarks.stamp import RESULTS, data_root, stamp
from marrowlight.export import codes
from marrowlight.export.documents import make_documents
from marrowlight.export.folder import material_of
from marrowlight.export.material import Material
from marrowlight.export.seg import segment_numbers
from marrowlight.export.uids import bone_tracking, lesion_tracking
from marrowlight.measure_mask import measure
from marrowlight.phantom.phantom import make_phantom
from marrowlight.phantom.spec import PhantomSpec
from marrowlight.phantom.write import write_phantom
from marrowlight.report.html import report_html
from marrowlight.report.nifti import nifti_bytes
from marrowlight.result import ReadResult
from marrowlight.study.grid import Grid
from marrowlight.study.open import open_study
from marrowlight.study.parse import parse
from marrowlight.study.stack import stack_slices
from marrowlight.study.study import Joint, Side

MADE = datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Row:
    """One exam. voxels : of edema; off_mm : farthest voxel in each reader, over all segments;
    groups : of the SR; wrong : of them, with another volume, bone or side; errors : of validators.
    """

    exam: str
    segments: int
    voxels: int
    highdicom_off_mm: float
    dcmqi_off_mm: float
    groups: int
    wrong: int
    dciodvfy_errors: int | None
    dicom_validator_errors: int


def compare(exam: str, result: ReadResult) -> Row:
    """One exam through all readers."""
    material = material_of(result, made=MADE)
    made = make_documents(material, page=report_html(result), wanted=["seg", "sr", "pdf"])
    files = {name: data for kind in made.files.values() for name, data in kind.items()}
    bones = {n: material.bone_of == label for label, n in segment_numbers(material).items()}
    wanted = {"seg.dcm": bones or {1: material.bone_of > 0}}
    if bones:
        wanted["seg_all.dcm"] = {1: material.bone_of > 0}
    off, off_dcmqi = [], []
    for name, masks in wanted.items():
        by_dcmqi = seg_by_dcmqi(files[name])
        for n, mask in masks.items():
            here = points(material.bones.grid, mask)
            off.append(farthest_mm(here, points(*seg_by_highdicom(files[name], n))))
            off_dcmqi.append(farthest_mm(here, points(*by_dcmqi[n])))
    groups, wrong = compare_sr(material, files["sr.dcm"])
    dicom = [data for name, data in files.items() if name.endswith(".dcm")]
    return Row(
        exam,
        len(off),
        int((material.bone_of > 0).sum()),
        max(off),
        max(off_dcmqi),
        groups,
        wrong,
        sum(map(errors_of_dciodvfy, dicom)) if shutil.which("dciodvfy") else None,
        sum(len(broken_rules(dcmread(BytesIO(data)))) for data in dicom),
    )


def compare_sr(material: Material, file: bytes) -> tuple[int, int]:
    """Groups in the report, and those that differ from the reading."""
    found = sr_by_dcmqi(file)
    wrong = 0
    expected = 0
    for bone in material.bones_read:
        side = codes.SIDES.get(material.side_of(bone))
        rows = [(bone_tracking(material, bone).uid, bone.edema.volume_mm3)]
        rows += [(lesion_tracking(material, e).uid, e.volume_mm3) for e in bone.edema.lesions]
        for uid, volume in rows:
            expected += 1
            group = found.get(uid)
            values = {
                i["quantity"]["CodeValue"]: float(i["value"])
                for i in (group or {}).get("measurementItems", ())
            }
            same = (
                group is not None
                and abs(values.get(codes.VOLUME.value, -1) - volume) < max(1e-3, 1e-6 * volume)
                and group["FindingSite"]["CodeValue"] == codes.bone_code(bone.bone).value
                and group.get("Laterality", {}).get("CodeValue") == (side.value if side else None)
            )
            wrong += not same
    return len(found), wrong + abs(len(found) - expected)


def errors_of_dciodvfy(file: bytes) -> int:
    """Lines that begin with Error."""
    with tempfile.NamedTemporaryFile(suffix=".dcm") as place:
        place.write(file)
        place.flush()
        seen = subprocess.run(["dciodvfy", place.name], capture_output=True, text=True, check=False)
    return sum(line.startswith("Error") for line in seen.stderr.splitlines())


def phantoms(work: Path) -> Iterator[tuple[str, ReadResult]]:
    """Digital joints of both sides, measured by their truth; one without edema."""
    cases = [(joint, side, None) for joint in (Joint.KNEE, Joint.HIP, Joint.ANKLE)
             for side in (Side.LEFT, Side.RIGHT)]  # fmt: skip
    cases.append((Joint.KNEE, Side.RIGHT, ()))
    for n, (joint, side, edema) in enumerate(cases):
        spec = PhantomSpec(joint=joint, side=side, edema=edema, pixel_mm=1.0, slice_mm=4.0, seed=n)
        folder = write_phantom(make_phantom(spec), work / str(n))
        study = open_study(folder / "dicom")
        truth = folder / "truth"
        result = measure(
            truth / "edema.nii.gz",
            bones=truth / "bones.nii.gz",
            bone_labels="registry",
            image=study,
        )
        what = "no edema" if edema == () else "edema"
        yield f"phantom {joint.value}, {side.value}, {what}", result


def real(root: Path, work: Path) -> Iterator[tuple[str, ReadResult]]:
    """A made mask over the first volume of every folder of real images."""
    for folder in sorted(p for p in (root / "dicom").iterdir() if p.is_dir()):
        sound = [
            one.volume.grid
            for one in stack_slices(parse([folder]).slices)
            if one.volume is not None and one.defect is None and one.volume.grid.shape[2] > 1
        ]
        if not sound:
            continue
        bones, edema = made_masks(sound[0])
        files = [work / f"{folder.name}-{name}.nii.gz" for name in ("bones", "edema")]
        for path, mask in zip(files, (bones, edema), strict=True):
            path.write_bytes(nifti_bytes(mask, sound[0], "made"))
        yield (
            folder.name,
            measure(
                files[1], bones=files[0], bone_labels="1=femur,2=tibia", image=open_study(folder)
            ),
        )


def made_masks(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Two boxes as bones and a shape without symmetry in each: (I, J, K) uint8."""
    bones = np.zeros(grid.shape, np.uint8)
    i, j, k = (n // 4 for n in grid.shape)
    bones[i : 2 * i, j : 2 * j - 1, k : 3 * k + 1] = 1
    bones[i : 2 * i, 2 * j + 1 : 3 * j, k : 3 * k + 1] = 2
    edema = np.zeros(grid.shape, np.uint8)
    for j0 in (j + 2, 2 * j + 3):
        edema[i + 1 : i + 9, j0 : j0 + 4, k : k + 2] = 1
        edema[i + 1, j0 + 4, k] = 1
    return bones, edema * (bones > 0)


def main() -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        exams = list(phantoms(work))
        if root := data_root():
            exams += list(real(root, work))
        for exam, result in exams:
            rows.append(compare(exam, result))
            print(rows[-1], flush=True)
    made = stamp()
    text = (
        "# Documents against second readers and validators\n\n"
        f"{made['date']}, commit {made['commit']}: "
        "`python -m benchmarks.documents_second_readers`.\n\n"
        "SEG by highdicom and dcmqi: farthest voxel from its place over all segments, mm. SR by "
        "dcmqi: groups whose volume, bone or side differ. Errors of dciodvfy and dicom-validator "
        "in SEG, SR and encapsulated PDF together; those of knee_ge_multiecho_bigendian are its "
        "images' own dates, 00010101, which documents repeat.\n\n" + table(rows) + "\n"
    )
    (RESULTS / "documents_second_readers.md").write_text(text, encoding="utf-8")
    told = {**made, "rows": [asdict(row) for row in rows]}
    (RESULTS / "documents_second_readers.json").write_text(json.dumps(told, indent=2) + "\n")
    print(text)


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    head = ("exam", "segments", "voxels", "highdicom, mm", "dcmqi, mm", "SR groups", "wrong",
            "dciodvfy", "dicom-validator")  # fmt: skip
    lines = [head, ("---",) * len(head)]
    for row in rows:
        checked = "not installed" if row.dciodvfy_errors is None else str(row.dciodvfy_errors)
        lines.append(
            (row.exam, str(row.segments), str(row.voxels), f"{row.highdicom_off_mm:.5f}",
             f"{row.dcmqi_off_mm:.5f}", str(row.groups), str(row.wrong), checked,
             str(row.dicom_validator_errors))
        )  # fmt: skip
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


if __name__ == "__main__":
    main()
