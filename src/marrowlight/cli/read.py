"""``marrowlight read``: from files to measured edema to a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from marrowlight.cli import options as opt
from marrowlight.cli.console import Screen


def command(
    inputs: opt.Inputs,
    out: opt.Out,
    bones: opt.BonesIfAny = None,
    bone_labels: opt.BoneLabels = None,
    seed: opt.Seeds = None,
    series: opt.SeriesRoles = None,
    normal_marrow: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Hand-drawn normal marrow on the primary series; without it the reference is "
            "found in the image.",
        ),
    ] = None,
    joint: opt.JointOption = None,
    side: opt.SideOption = None,
    case: Annotated[
        Path | None,
        typer.Option(
            metavar="CASE.yaml",
            help="What is known of the patient; the report then says why the edema may be there.",
        ),
    ] = None,
    only_primary: Annotated[
        bool,
        typer.Option("--only-primary", help="Leave the other fluid-sensitive series unread."),
    ] = False,
    nifti_orientation: opt.Orientation = None,
    isolate: opt.Isolate = True,
    overwrite: opt.Overwrite = False,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
) -> int:
    """Find and measure bone marrow edema in one study, and write the report.

    Example: marrowlight read exam/ -o out

    The bones of hip, knee, ankle and sacroiliac joint are found in any series of the study; the
    report says how far each is trusted. Look at them: --bones gives a mask of your own instead,
    --seed one point in a bone that was missed.

    Writes report.html, reading.json, edema.nii.gz, edema_probability.nii.gz, bones.nii.gz,
    run.json, and source.json (the only file that identifies the patient); with --case also
    explanation.json. Exit code 3 means that the input was refused, or that only part of it could be
    read.
    """
    from dataclasses import replace

    from marrowlight.cli.opening import open_inputs, parse_seeds
    from marrowlight.output import write_result
    from marrowlight.read_study import read
    from marrowlight.report.atomic import check_folder
    from marrowlight.stages import Stages

    screen = Screen(quiet=quiet, as_json=as_json)
    check_folder(out, overwrite=overwrite)
    seeds = parse_seeds(seed)
    known = None
    if case is not None:
        # A mistake in the case is told before the images are read.
        from marrowlight.causes.case_file import read_case

        known = read_case(case)
    with screen.progress() as progress:
        stages = Stages(on_start=progress)
        with stages.stage("open the study"):
            study = open_inputs(
                inputs,
                series,
                joint=joint,
                side=side,
                orientation=nifti_orientation,
                isolate=isolate,
                progress=progress,
            )
        result = read(
            study,
            bones=bones,
            bone_labels=bone_labels,
            seeds=seeds,
            normal_marrow=normal_marrow,
            only_primary=only_primary,
            isolate=isolate,
            stages=stages,
        )
        if known is not None:
            from marrowlight.explained import explain_reading

            with stages.stage("explain"):
                result = replace(result, explained=explain_reading(known, result.reading))
        chosen = {
            "command": "read",
            "bones": "given" if bones else "found",
            "bone_labels": bone_labels,
            "seed": seed,
            "series": [text.partition("=")[0] for text in series or ()],
            "normal_marrow": "given" if normal_marrow else "estimated",
            "joint": joint,
            "side": side,
            "case": "given" if case else None,
            "only_primary": only_primary,
            "nifti_orientation": nifti_orientation,
            "isolate": isolate,
        }
        paths: dict[str, object] = {"inputs": [*map(str, inputs), *(series or ())]}
        if case:
            paths["case"] = str(case)
        if bones:
            paths["bones"] = str(bones)
        write_result(out, result, overwrite=overwrite, stages=stages, options=chosen, paths=paths)
    from marrowlight.cli.summary import exit_code, show_result

    show_result(screen, result, out, stages)
    return exit_code(result.reading)
