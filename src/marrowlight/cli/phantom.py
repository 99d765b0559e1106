"""``marrowlight phantom``: a digital joint with known truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marrowlight.cli import options as opt
from marrowlight.cli.choices import (
    FieldChoice,
    PhantomJoint,
    PhantomSequence,
    PhantomSide,
    PlaneChoice,
)
from marrowlight.cli.console import Screen
from marrowlight.errors import UsageError

if TYPE_CHECKING:
    from marrowlight.phantom.spec import EdemaSpec


def command(
    joint: Annotated[PhantomJoint, typer.Argument(help="Which joint.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the phantom.")],
    more_weeks: Annotated[
        list[str] | None, typer.Argument(metavar="WEEK", help="Further weeks, after --weeks.")
    ] = None,
    course: Annotated[
        str | None,
        typer.Option(
            metavar="CAUSE",
            help="Make visits over weeks, with edema that takes the course of this cause in the "
            "model of `marrowlight simulate`; or resolves, fluctuates, migrates, progresses.",
        ),
    ] = None,
    weeks: Annotated[
        str | None,
        typer.Option(
            metavar="WEEK ...",
            help="Weeks of the visits since the edema was first seen, e.g. --weeks 0 4 8 16.",
        ),
    ] = None,
    care: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CARE[:WEEK]",
            help="Care in the model, from a week since the first visit on, e.g. "
            "protected_loading:4. Repeat for more. Only with --course.",
        ),
    ] = None,
    edema: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SITE:ML[:STRENGTH]",
            help="A lesion, e.g. medial_condyle:5 or lateral_plateau:1.2:0.3 (strength is the "
            "share of water that stands in place of marrow, 0 to 1). Repeat for more; 'none' for "
            "a joint without edema. Default: the joint's usual lesions.",
        ),
    ] = None,
    side: Annotated[PhantomSide, typer.Option(help="Left or right.")] = PhantomSide.RIGHT,
    sequence: Annotated[
        PhantomSequence, typer.Option(help="The fluid-sensitive series; T1 is always beside it.")
    ] = PhantomSequence.PD_FS,
    plane: Annotated[PlaneChoice | None, typer.Option(help="Default: usual for the joint.")] = None,
    pixel_mm: Annotated[float, typer.Option(help="Pixel size, mm.")] = 0.5,
    slice_mm: Annotated[float, typer.Option(help="Slice thickness, mm.")] = 3.0,
    gap_mm: Annotated[float, typer.Option(help="Gap between slices, mm.")] = 0.5,
    field_t: Annotated[FieldChoice, typer.Option(help="Field strength, tesla.")] = FieldChoice.HIGH,
    snr: Annotated[float, typer.Option(help="Signal of normal marrow over noise.")] = 12.0,
    bias: Annotated[float, typer.Option(help="Coil shading, 0 to 0.9.")] = 0.15,
    motion_mm: Annotated[float, typer.Option(help="Motion along the phase direction, mm.")] = 0.0,
    failed_suppression: Annotated[
        float, typer.Option(help="How far fat suppression fails at one edge, 0 to 1.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Same seed, same phantom.")] = 1,
    overwrite: opt.Overwrite = False,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
) -> int:
    """Make a digital joint with edema of known place and size.

    Example: marrowlight phantom knee -o knee --edema medial_condyle:5

    Writes dicom/ (a study: the fluid-sensitive series and T1), nifti/ (the same images) and
    truth/ (bones and edema as masks, truth.json).

    Example: marrowlight phantom knee --course bone_contusion --weeks 0 4 8 16 -o bruise

    Writes one such folder a visit, week_000, week_004 ... of the same person laid down anew, and
    course_truth.json.
    """
    from marrowlight.phantom.phantom import make_phantom
    from marrowlight.phantom.spec import PhantomSpec
    from marrowlight.phantom.write import write_phantom
    from marrowlight.study.series import Plane, Role
    from marrowlight.study.study import Joint, Side

    screen = Screen(quiet=quiet, as_json=as_json)
    options: dict[str, Any] = {
        "side": Side(side.value),
        "sequence": Role(sequence.value),
        "plane": Plane(plane.value) if plane else None,
        "pixel_mm": pixel_mm,
        "slice_mm": slice_mm,
        "gap_mm": gap_mm,
        "field_t": float(field_t.value),
        "snr": snr,
        "bias": bias,
        "motion_mm": motion_mm,
        "failed_suppression": failed_suppression,
    }
    times = parse_weeks(weeks, more_weeks)
    if course is None and (times is not None or care):
        raise UsageError(
            "Weeks and care belong to a course.",
            where="--weeks" if times is not None else "--care",
            do="name the course, e.g. --course bone_contusion",
        )
    if course is not None and edema:
        raise UsageError(
            "The lesions of a course are those of its cause.",
            where="--edema",
            do="leave out --edema or --course",
        )
    if course is not None:
        from marrowlight.phantom.visits import course_truth, phantom_visits, write_visits

        visits = phantom_visits(
            course, times or (0, 4, 8, 16), joint=joint.value, seed=seed, care=care or (), **options
        )
        with screen.progress() as progress:
            progress(f"make {visits[0].name}")
            for visit in write_visits(visits, out, overwrite=overwrite):
                progress(f"made {visit.name}")
        truth = course_truth(visits)
        screen.result({"out": str(out), "truth": truth})
        screen.say(f"Visits of one {joint.value}, {truth['course']} ({truth['pattern']}): {out}")
        rows = [
            (visit.name, f"{visit.weeks:g}", *(f"{v / 1000:.2f}" for v in visit.bones.values()))
            for visit in visits
        ]
        head = ("visit", ">week", *(f">{bone}, ml" for bone in visits[0].bones))
        screen.table("True volume of edema", head, rows)
        screen.say(truth["label"])
        return 0
    spec = PhantomSpec(joint=Joint(joint.value), edema=parse_edema(edema), seed=seed, **options)
    with screen.progress() as progress:
        progress("make the phantom")
        phantom = make_phantom(spec)
        progress("write the phantom")
        write_phantom(phantom, out, overwrite=overwrite)
    screen.result({"out": str(out), "truth": phantom.truth})
    screen.say(f"Phantom: {out / 'dicom'}, {out / 'nifti'}; truth: {out / 'truth'}")
    screen.say(f"Try: marrowlight read {out / 'dicom'} --bones {out / 'truth' / 'bones.nii.gz'} "
               f"--bone-labels registry -o {out / 'reading'}")  # fmt: skip
    return 0


def parse_weeks(first: str | None, more: list[str] | None) -> tuple[float, ...] | None:
    """``--weeks 0 4 8`` or ``--weeks 0,4,8`` to numbers; None where none are given."""
    if first is None:
        if more:
            raise UsageError(
                f"{more[0]!r} is no option of a phantom.",
                expected="--weeks before the weeks, e.g. --weeks 0 4 8 16",
            )
        return None
    texts = [text for part in (first, *(more or ())) for text in part.split(",")]
    try:
        return tuple(float(text) for text in texts)
    except ValueError:
        raise UsageError(
            f"{' '.join(texts)!r} are no weeks.", where="--weeks", expected="e.g. 0 4 8 16"
        ) from None


def parse_edema(texts: list[str] | None) -> tuple[EdemaSpec, ...] | None:
    """``["medial_condyle:5"]`` to lesions; None for the usual ones; raises UsageError."""
    from marrowlight.phantom.spec import EdemaSpec

    if not texts:
        return None
    if texts == ["none"]:
        return ()
    lesions = []
    for text in texts:
        site, *numbers = text.split(":")
        try:
            volume, *strength = (float(n) for n in numbers)
        except ValueError:
            volume, strength = 0.0, []
        if volume <= 0 or len(strength) > 1:
            raise UsageError(
                f"{text!r} does not say which lesion to make.",
                where="--edema",
                expected="SITE:ML or SITE:ML:STRENGTH, e.g. medial_condyle:5:0.4",
            )
        if strength:
            lesions.append(EdemaSpec(site, volume * 1000, strength=strength[0]))
        else:
            lesions.append(EdemaSpec(site, volume * 1000))
    return tuple(lesions)
