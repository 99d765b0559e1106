"""Fit the edema finder: ``python -m training.edema.fit --data DIR -o FOLDER [--leave-out ID]``.

Writes ``parameters.yaml`` and ``weights/*.onnx`` into the folder, in the form that the package
loads. Without ``--leave-out`` it also reads every subject with a set fitted on the others and
records what came out, which is what the reader-agreement interval is made from.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from marrowlight.edema.features import feature_names
from marrowlight.edema.find import find_edema
from marrowlight.edema.parameters import SCHEMA, load_parameters
from training.edema.boost import fit_boosters, to_onnx
from training.edema.subjects import Subject, read_subject, subject_ids
from training.edema.table import Table, subject_table

FOCAL_THRESHOLD = 0.22
EXTENSIVE_THRESHOLD = 0.45
"""Half of the Dice that can be reached, which maximises the expected Dice: another reader reaches
0.4 to 0.5 on small lesions, 0.83 to 0.9 on extensive edema."""
MIN_LESION_MM3 = 12.0


def write_set(
    tables: list[Table],
    ids: list[str],
    folder: Path,
    left_out: list[dict[str, Any]] | None = None,
) -> None:
    """Fit both models on tables and write one parameter set into folder."""
    (folder / "weights").mkdir(parents=True, exist_ok=True)
    weights = {}
    for name, with_t1 in (("with_t1", True), ("without_t1", False)):
        onnx = to_onnx(fit_boosters(tables, with_t1=with_t1), len(feature_names(with_t1)))
        file = f"edema_{name}.onnx"
        (folder / "weights" / file).write_bytes(onnx)
        weights[name] = {"file": file, "sha256": hashlib.sha256(onnx).hexdigest()}
    write_parameters(folder, ids, weights, left_out or [])


def write_parameters(
    folder: Path,
    ids: list[str],
    weights: dict[str, Any],
    left_out: list[dict[str, Any]],
) -> None:
    """Write ``parameters.yaml``."""
    data = {
        "schema": SCHEMA,
        "name": "sacroiliac-" + "-".join(ids),
        "fitted_on": ids,
        "source": "Hepburn 2023, PLoS One 18:e0284508 (supplement): 2 readers x 2 trials",
        "focal_threshold": FOCAL_THRESHOLD,
        "extensive_threshold": EXTENSIVE_THRESHOLD,
        "min_lesion_mm3": MIN_LESION_MM3,
        "weights": weights,
        "left_out": left_out,
    }
    text = "# Written by training/edema/fit.py; volumes in ml.\n"
    (folder / "parameters.yaml").write_text(text + yaml.safe_dump(data, sort_keys=False))


def left_out_row(subject: Subject, folder: Path) -> dict[str, Any]:
    """What a set that did not see the subject makes of it, beside its readings (ml)."""
    parameters = load_parameters(folder)
    ml = subject.fluid.grid.voxel_volume_mm3 / 1000.0
    row: dict[str, Any] = {"subject": subject.id}
    for name, t1 in (("with_t1", subject.t1), ("without_t1", None)):
        found = find_edema(subject.fluid, subject.bones, t1=t1, parameters=parameters)
        row[f"mask_ml_{name}"] = round(float(found.mask.sum()) * ml, 3)
        row[f"expected_ml_{name}"] = round(float(found.probability.sum()) * ml, 3)
    volumes = subject.readings.reshape(len(subject.readings), -1).sum(1) * ml
    row["readers_mean_ml"] = round(float(volumes.mean()), 3)
    row["readers_sd_ln"] = round(float(np.log(volumes).std(ddof=1)), 3)
    return row


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m training.edema.fit", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of subject folders")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--leave-out", help="id of the subject that is not fitted on")
    arguments = parser.parse_args()
    ids = [i for i in subject_ids(arguments.data) if i != arguments.leave_out]
    subjects = {i: read_subject(arguments.data / i) for i in ids}
    tables = {i: subject_table(s) for i, s in subjects.items()}
    rows = []
    if not arguments.leave_out:
        for left in ids:
            others = [i for i in ids if i != left]
            fold = arguments.output / "left_out" / left
            write_set([tables[i] for i in others], others, fold)
            rows.append(left_out_row(subjects[left], fold))
            print(rows[-1], flush=True)
    write_set([tables[i] for i in ids], ids, arguments.output, rows)


if __name__ == "__main__":
    main()
