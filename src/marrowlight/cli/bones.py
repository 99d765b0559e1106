"""``marrowlight bones``: where bone is, as a label map to look at, correct and use again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from marrowlight.cli import options as opt
from marrowlight.cli.console import Screen

if TYPE_CHECKING:
    from marrowlight.study_bones import StudyBones


def command(
    inputs: opt.Inputs,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="The label map, NIfTI (.nii.gz); beside it a .json that names the labels.",
        ),
    ],
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A PNG with the outlines on every fifth slice; beside the label map by default.",
        ),
    ] = None,
    seed: opt.Seeds = None,
    series: opt.SeriesRoles = None,
    joint: opt.JointOption = None,
    side: opt.SideOption = None,
    nifti_orientation: opt.Orientation = None,
    isolate: opt.Isolate = True,
    overwrite: opt.Overwrite = False,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
) -> int:
    """Find the bones of a joint on any series, and draw them.

    Example: marrowlight bones exam/ -o bones.nii.gz

    Any contrast and any plane will do; several series of one visit are used together. Writes
    bones.nii.gz (numbers of the bone registry), bones.json (what the numbers mean, how far each
    bone is trusted, and which were not read and why) and bones.png (the outlines, to look at).

    If a bone is wrong, put one point inside it: --seed femur=X,Y,Z. Or correct the label map by
    hand and read with it: marrowlight read exam/ --bones bones.nii.gz. Exit code 3 means that the
    input was refused, or that a main bone of the joint could not be read.
    """
    from marrowlight.anatomy.find_bones import find_bones
    from marrowlight.cli.opening import open_inputs, parse_seeds
    from marrowlight.cli.summary import code_of
    from marrowlight.report.atomic import check_files
    from marrowlight.report.bones_files import bones_files, write_bones
    from marrowlight.side_file import bones_record
    from marrowlight.stages import Stages
    from marrowlight.study.joint import require_joint
    from marrowlight.study_bones import bones_of

    screen = Screen(quiet=quiet, as_json=as_json)
    files = bones_files(out, picture)
    check_files(files.all, overwrite=overwrite)
    seeds = parse_seeds(seed)
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
        require_joint(study)
        found = find_bones(study, seeds=seeds, stages=stages)
        drawn = bones_of(study, found, labels=None, seeds=(), stages=stages)
        with stages.stage("write"):
            write_bones(out, found, study, picture=picture, overwrite=overwrite)
    code = code_of(drawn.warnings)
    screen.result(
        {
            "out": str(files.image),
            "side_file": str(files.side_file),
            "picture": str(files.picture),
            "partial": code == 3,
            "seconds": round(sum(stages.seconds.values()), 2),
            "bones": bones_record(found),
        }
    )
    _show(screen, drawn)
    screen.say(f"Label map: {files.image}, its names: {files.side_file}")
    screen.say(f"Look at it: {files.picture}")
    return code


def _show(screen: Screen, drawn: StudyBones) -> None:
    """The table for people, and what they must know."""
    from marrowlight.anatomy.registry import bone_registry
    from marrowlight.report.amount import ml, percent
    from marrowlight.report.sentence import region_name
    from marrowlight.side_file import bones_record

    found = drawn.found
    assert found is not None
    side = drawn.study.side
    screen.say(f"{region_name(found.joint, side)}, found on series {', '.join(found.series_used)}.")
    sizes = {(b["bone"], b["side"]): b["volume_mm3"] for b in bones_record(found)["labels"]}
    rows = []
    for one in found.trust:
        name = bone_registry()[one.bone].name
        rows.append(
            (
                f"{name}, {one.side.value}" if one.side != "unknown" else name,
                ml(sizes.get((one.bone, one.side), one.volume_mm3)) if one.read else "–",
                percent(one.confidence),
                ("cut off by the image" if one.cut_off else "read") if one.read else one.reason,
            )
        )
    screen.table("Bones", ("bone", ">volume in view", ">confidence", "state"), rows)
    screen.warn([w.text for w in drawn.warnings])
