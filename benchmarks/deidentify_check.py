"""De-identified scans of every vendor, held against the originals by programs of others.

    python -m benchmarks.deidentify_check

For each folder of ``dicom/`` in the real data: what became of the elements; how many values of the
original's identifying attributes a plain search finds in the bytes of the result (a search of its
own, that shares no code with the product's); whether every pixel value, position and affine is the
same after dcm2niix, and the bytes of the pixels to begin with; and errors that ``dciodvfy`` finds
now and did not before. dcm2niix and dciodvfy are left out where they are not installed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom

from benchmarks.stamp import RESULTS, data_root, stamp
from marrowlight.privacy.deidentify import deidentify

TOLD_BY = (
    "PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "InstitutionName",
    "InstitutionAddress", "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName",
    "StudyDate", "StationName", "DeviceSerialNumber", "InstitutionalDepartmentName",
)  # fmt: skip
PIXELS = 0x7FE00010


def main() -> None:
    """Run it, and write the results."""
    data = data_root()
    if data is None:
        sys.exit("real test data not found: set MARROWLIGHT_DATA or place ../shared/data")
    rows = []
    for folder in sorted((data / "dicom").iterdir()):
        with tempfile.TemporaryDirectory() as place:
            rows.append(_row(folder, Path(place) / "out"))
        sys.stderr.write(f"{folder.name}: {rows[-1]}\n")
    _write(rows)


def _row(folder: Path, out: Path) -> dict[str, Any]:
    done = deidentify(folder, out=out)
    old = sorted(p for p in folder.rglob("*") if p.is_file())
    new = sorted(out.rglob("*.dcm"))
    return {
        "scans": folder.name,
        "files": f"{len(new)} of {len(old)}",
        **{name: done.counts[name] for name in ("kept", "changed", "removed", "scrubbed")},
        "values_left": len(_left(_values(old), new)),
        "same_pixels": _pixels(old) == _pixels(new),
        "same_volumes": _volumes(folder) == _volumes(out) if shutil.which(_niix()) else None,
        "new_errors": sum((_errors(new[0]) - _errors(old[0])).values())
        if shutil.which("dciodvfy")
        else None,
    }


def _values(files: list[Path]) -> set[bytes]:
    """Original values of the identifying attributes, and all UIDs of instances."""
    found: set[str] = set()
    models: set[str] = set()
    for path in files:
        for element in _walk(pydicom.dcmread(path, stop_before_pixels=True)):
            text = str(element.value).strip()
            instance = element.VR == "UI" and not text.startswith("1.2.840.10008.")
            if (instance and "Class" not in element.keyword) or element.keyword in TOLD_BY:
                found |= {part for part in text.split("^") if len(part) >= 4}
            if element.keyword == "ManufacturerModelName":
                models.add(text)  # Kept; some stations are called after it.
    return {one.encode() for one in found - models - {"ANONYMIZED", "00010101"}}


def _walk(dataset: Any) -> Iterator[Any]:
    for element in dataset:
        if element.tag.is_private:
            continue
        if element.VR == "SQ":
            for item in element.value:
                yield from _walk(item)
        else:
            yield element


def _left(values: set[bytes], files: list[Path]) -> list[bytes]:
    """Values that stand anywhere before the pixels."""
    heads = []
    for path in files:
        content = path.read_bytes()
        heads.append(content[: content.rindex(pydicom.dcmread(path).PixelData[:64])].lower())
    return [one for one in values if any(one.lower() in head for head in heads)]


def _pixels(files: list[Path]) -> Counter[int]:
    return Counter(hash(pydicom.dcmread(path)[PIXELS].value) for path in files)


def _niix() -> str:
    beside = Path(sys.executable).parent / "dcm2niix"
    return str(beside) if beside.exists() else "dcm2niix"


def _volumes(folder: Path) -> Counter[tuple[Any, ...]]:
    """Shape, affine and values of every volume that dcm2niix makes of a folder."""
    made: Counter[tuple[Any, ...]] = Counter()
    with tempfile.TemporaryDirectory() as place:
        command = [_niix(), "-z", "n", "-f", "%s_%e", "-o", place, str(folder)]
        subprocess.run(command, capture_output=True, check=False)
        for path in Path(place).glob("*.nii"):
            image = nib.load(path)
            voxels = np.asanyarray(image.dataobj)
            made[(image.shape, image.affine.round(5).tobytes(), hash(voxels.tobytes()))] += 1
    return made


def _errors(path: Path) -> Counter[str]:
    run = subprocess.run(
        ["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", check=False
    )
    lines = (run.stdout + run.stderr).splitlines()
    return Counter(line for line in lines if line.startswith("Error"))


def _write(rows: list[dict[str, Any]]) -> None:
    when = stamp()
    (RESULTS / "deidentify_check.json").write_text(
        json.dumps({"stamp": when, "rows": rows}, indent=1) + "\n"
    )
    head = ("scans", "files", "kept", "changed", "removed", "emptied", "values left",
            "pixels same", "dcm2niix same", "new errors")  # fmt: skip
    lines = [
        "# De-identified scans against the originals",
        "",
        f"`python -m benchmarks.deidentify_check`, {when['date']}, commit {when['commit']}.",
        "Elements over all files; *emptied*: no rule named them and a name or id stood in them.",
        "*values left*: values of 13 identifying attributes and UIDs that a plain search finds;",
        "*new errors*: of `dciodvfy`, in the first file of each.",
        "",
        "| " + " | ".join(head) + " |",
        "|---" * len(head) + "|",
    ]
    for row in rows:
        shown = {"True": "yes", "False": "NO", "None": "-"}
        cells = [shown.get(str(value), str(value)) for value in row.values()]
        lines.append("| " + " | ".join(cells) + " |")
    (RESULTS / "deidentify_check.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
