"""``marrowlight phantom``: a digital joint with known truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    """
    from marrowlight.phantom.phantom import make_phantom
    from marrowlight.phantom.spec import PhantomSpec
    from marrowlight.phantom.write import write_phantom
    from marrowlight.study.series import Plane, Role
    from marrowlight.study.study import Joint, Side

    screen = Screen(quiet=quiet, as_json=as_json)
    spec = PhantomSpec(
        joint=Joint(joint.value),
        side=Side(side.value),
        sequence=Role(sequence.value),
        edema=parse_edema(edema),
        plane=Plane(plane.value) if plane else None,
        pixel_mm=pixel_mm,
        slice_mm=slice_mm,
        gap_mm=gap_mm,
        field_t=float(field_t.value),
        snr=snr,
        bias=bias,
        motion_mm=motion_mm,
        failed_suppression=failed_suppression,
        seed=seed,
    )
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
