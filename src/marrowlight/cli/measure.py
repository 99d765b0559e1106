"""``marrowlight measure``: the same measurement for a mask that you bring."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from marrowlight.cli import options as opt
from marrowlight.cli.console import Screen


def command(
    out: opt.Out,
    bones: opt.Bones,
    edema: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Your edema mask: NIfTI, NRRD or DICOM SEG."),
    ],
    bone_labels: opt.BoneLabels = None,
    image: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="The image it was drawn on, or the exam: for contrast and pictures.",
        ),
    ] = None,
    series: opt.SeriesRoles = None,
    joint: opt.JointOption = None,
    side: opt.SideOption = None,
    nifti_orientation: opt.Orientation = None,
    isolate: opt.Isolate = True,
    overwrite: opt.Overwrite = False,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
) -> int:
    """Measure an edema mask of your own: same numbers, same report.

    Example: marrowlight measure --bones bone.nii.gz --edema mine.nii.gz --image stir.nii.gz -o out
    """
    from marrowlight.cli.opening import open_inputs
    from marrowlight.cli.summary import exit_code, show_result
    from marrowlight.measure_mask import measure
    from marrowlight.output import write_result
    from marrowlight.report.atomic import check_folder
    from marrowlight.stages import Stages
    from marrowlight.study.study import Joint, Side

    screen = Screen(quiet=quiet, as_json=as_json)
    check_folder(out, overwrite=overwrite)
    with screen.progress() as progress:
        stages = Stages(on_start=progress)
        study = None
        if image or series:
            with stages.stage("open the study"):
                study = open_inputs(
                    image or [],
                    series,
                    joint=joint,
                    side=side,
                    orientation=nifti_orientation,
                    isolate=isolate,
                    progress=progress,
                )
        result = measure(
            edema,
            bones=bones,
            bone_labels=bone_labels,
            image=study,
            joint=Joint(joint.value) if joint else Joint.UNKNOWN,
            side=Side(side.value) if side else Side.UNKNOWN,
            isolate=isolate,
            stages=stages,
        )
        chosen = {"command": "measure", "bone_labels": bone_labels, "joint": joint, "side": side}
        paths = {"edema": str(edema), "bones": str(bones), "image": [str(p) for p in image or ()]}
        write_result(out, result, overwrite=overwrite, stages=stages, options=chosen, paths=paths)
    show_result(screen, result, out, stages)
    return exit_code(result.reading)
