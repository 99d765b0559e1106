"""Bone of sacroiliac joints against bone drawn by hand, and edema read in it, people left out.

    python -m benchmarks.bones_sacroiliac --folds FOLDER [--data ../shared/data]

FOLDER holds ``fold0`` to ``fold2``, each a set of networks (networks.yaml, limb.onnx,
sacroiliac.onnx) trained without the people of that fold (``FOLDS`` in training/bones/people.py).
The limb network, which names the joint, is the shipped one and has seen them.

Edema: as ``benchmarks.edema_loso`` (fitted on the other subjects, hybrid), with the bones that the
fold's networks found on T1 and STIR in place of the bones that were given.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.bone_cases import bone_stamp, dice, heading, parsed, parser_of, table, write_result
from benchmarks.edema_loso import compare, summary
from marrowlight.anatomy.find_bones import find_bones
from marrowlight.anatomy.network import load_network, shipped_network
from marrowlight.edema.find import find_edema
from marrowlight.edema.parameters import load_parameters
from marrowlight.read_study import UNREAD_RIM_MM
from marrowlight.study.open import open_study
from marrowlight.study.study import Joint
from training.bones.people import FOLDS
from training.edema.fit import write_set
from training.edema.subjects import read_subject, subject_ids
from training.edema.table import subject_table

RIM_MM = UNREAD_RIM_MM[Joint.SACROILIAC]
SERIES = {"T1": ("t1w",), "STIR": ("stir",), "T1 + STIR": ("t1w", "stir")}


def main() -> None:
    parser = parser_of("bones_sacroiliac", __doc__)
    parser.add_argument("--folds", type=Path, required=True)
    arguments = parsed(parser)
    data = arguments.data / "sij"
    overlap: dict[str, dict[str, float]] = {}
    found = {}
    for number, people in enumerate(FOLDS):
        networks = load_network(arguments.folds / f"fold{number}")
        for person in sorted(people):
            drawn = read_subject_bone(data / person)
            for name, files in SERIES.items():
                paths = [data / person / f"{f}.nii.gz" for f in files]
                if not all(p.exists() for p in paths):
                    continue
                study = replace(open_study(*paths), joint=Joint.SACROILIAC)
                bones = find_bones(study, weights=networks).bones
                here = bones.onto(drawn[1]).mask
                overlap.setdefault(name, {})[person] = dice(here, drawn[0])
                if name == "T1 + STIR":
                    found[person] = bones
                print(person, name, round(overlap[name][person], 3), flush=True)
    rows: dict[str, dict[str, float]] = {}
    every: dict[str, dict[str, dict[str, float]]] = {}
    ids = subject_ids(data)
    subjects = {i: read_subject(data / i) for i in ids}
    tables = {i: subject_table(s) for i, s in subjects.items()}
    with tempfile.TemporaryDirectory() as folder:
        for left in ids:
            others = [i for i in ids if i != left]
            write_set([tables[i] for i in others], others, Path(folder) / left)
            subject = subjects[left]
            here = found[left].onto(subject.fluid.grid)
            for name, rim in (("as read", RIM_MM), ("from 2 mm on", 2.0)):
                edema = find_edema(subject.fluid, here.inside(rim), t1=subject.t1,
                                   parameters=load_parameters(Path(folder) / left))  # fmt: skip
                every.setdefault(name, {})[left] = compare(subject, edema)
            rows = every["as read"]
            print(left, {k: round(v, 3) for k, v in rows[left].items()}, flush=True)
    report = {"stamp": bone_stamp(shipped_network()), "dice": overlap, "edema": rows,
              "edema_summary": summary(rows),
              "from_2_mm": summary(every["from 2 mm on"])}  # fmt: skip
    people = sorted({p for one in overlap.values() for p in one})
    mean = {n: round(float(np.mean(list(v.values()))), 3) for n, v in overlap.items()}
    lines = heading("Sacroiliac joints: bone and edema, people left out", report["stamp"])
    lines += table(["person", *overlap], [
        *([p, *(f"{v[p]:.3f}" if p in v else "" for v in overlap.values())] for p in people),
        ["mean", *mean.values()],
    ])  # fmt: skip
    lines += ["", "Target: 0.94 on T1 and on STIR alone.", "", "Edema with the bones found:", ""]
    lines += table(["subject", "Dice readers", "human", "found ml", "readers ml"], [
        [i, f"{r['dice_readers']:.3f}", f"{r['human_dice']:.3f}", f"{r['volume_mm3'] / 1000:.2f}",
         f"{r['readers_mean_mm3'] / 1000:.2f}"] for i, r in rows.items()
    ])  # fmt: skip
    said = (
        "ratio_fair {ratio_fair:.3f} (target 0.80), lesion F1 {f1_readers:.3f}, ICC of log volume"
    )
    lines += ["", (said + " {icc_log_volume:.3f}.").format(**report["edema_summary"])]
    rim = report["from_2_mm"]["ratio_fair"]
    lines += [
        "",
        f"Read from {RIM_MM:g} mm below the outline on; from 2 mm on it would be {rim:.3f}.",
    ]
    text = "\n".join(lines) + "\n"
    write_result(arguments.output, report, text)


def read_subject_bone(folder: Path) -> tuple[np.ndarray, object]:
    """The hand-drawn bone and its grid."""
    import nibabel as nib

    from marrowlight.study.grid import Grid

    image = nib.load(str(folder / "bone.nii.gz"))
    voxels = np.asarray(image.dataobj) > 0
    return voxels, Grid(voxels.shape, image.affine)


if __name__ == "__main__":
    main()
