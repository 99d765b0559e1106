"""Options that several commands share, with the help that teaches them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from marrowlight.cli.choices import JointChoice, OrientationChoice, SideChoice

Inputs = Annotated[
    list[Path],
    typer.Argument(help="Folders, DICOM or NIfTI files, zip archives; in any mixture."),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")]
SeriesRoles = Annotated[
    list[str] | None,
    typer.Option(
        "--series",
        metavar="ROLE=FILE",
        help="Say what a file is: stir=, t2fs=, pdfs=, dixon_water=, gre_fs=, t1=, t2=, pd=, "
        "contrast=. Repeat for more.",
    ),
]
JointOption = Annotated[
    JointChoice | None, typer.Option("--joint", help="Overrides what the files say.")
]
SideOption = Annotated[
    SideChoice | None, typer.Option("--side", help="Overrides what the files say.")
]
Orientation = Annotated[
    OrientationChoice | None,
    typer.Option(help="Which one to trust if a NIfTI's sform and qform disagree."),
]
Isolate = Annotated[
    bool,
    typer.Option(
        "--isolate/--no-isolate",
        help="Read files in a child process with limits on memory and time, and no network.",
    ),
]
Bones = Annotated[
    Path, typer.Option("--bones", help="Mask of bone: NIfTI, NRRD or DICOM SEG.", metavar="FILE")
]
BonesIfAny = Annotated[
    Path | None,
    typer.Option(
        "--bones",
        metavar="FILE",
        help="Mask of bone of your own: NIfTI, NRRD or DICOM SEG. Without it the bones are found.",
    ),
]
Seeds = Annotated[
    list[str] | None,
    typer.Option(
        "--seed",
        metavar="BONE=X,Y,Z",
        help="A point inside a bone that was missed or mistaken, in RAS mm (right, anterior, "
        "superior are positive), e.g. femur=-12.5,30,41. Repeat for more.",
    ),
]
BoneLabels = Annotated[
    str | None,
    typer.Option(
        "--bone-labels",
        metavar="N=BONE,...",
        help="What the labels mean: 1=femur,3=tibia (a side may follow: 1=femur:left), or "
        "'registry' for Marrowlight's own numbers, or 'totalsegmentator' and other tables. A mask "
        "with one label may stay nameless; one from `marrowlight bones` has its names beside it.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines, nothing else.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier result there.")]
