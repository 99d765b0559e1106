"""From the words of the command line to a study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from marrowlight.errors import UsageError

if TYPE_CHECKING:
    from marrowlight.anatomy.seed import Seed
    from marrowlight.cli.choices import JointChoice, OrientationChoice, SideChoice
    from marrowlight.stages import Progress
    from marrowlight.study.study import Study


def parse_roles(texts: Sequence[str] | None) -> list[tuple[str, Path]]:
    """``["stir=a.nii.gz"]`` to ``[("stir", Path("a.nii.gz"))]``; raises UsageError."""
    from marrowlight.study.series import Role

    pairs = []
    for text in texts or ():
        role, equals, path = text.partition("=")
        if not equals or not path or role not in {r.value for r in Role}:
            raise UsageError(
                f"{text!r} does not say what a file is.",
                where="--series",
                expected="ROLE=FILE with a role of " + ", ".join(r.value for r in Role),
            )
        if not Path(path).exists():
            raise UsageError(f"There is no file {path!r}.", where=f"--series {role}=")
        pairs.append((role, Path(path)))
    return pairs


def parse_seeds(texts: Sequence[str] | None) -> list[Seed]:
    """``["femur=-12.5,30,41"]`` to seeds; raises UsageError."""
    if not texts:
        return []
    from marrowlight.anatomy.seed import parse_seed

    return [parse_seed(text) for text in texts]


def open_inputs(
    inputs: Sequence[Path],
    roles: Sequence[str] | None,
    *,
    joint: JointChoice | None,
    side: SideChoice | None,
    orientation: OrientationChoice | None,
    isolate: bool,
    progress: Progress | None = None,
) -> Study:
    """Open what the user named; the words of the command line become the values of ``study``."""
    from marrowlight.study.open import open_study
    from marrowlight.study.study import Joint, Side

    def tell(done: int, total: int, what: str) -> None:
        if progress:
            progress(f"open the study: {what} {done}/{total}")

    return open_study(
        *inputs,
        series=parse_roles(roles),
        joint=Joint(joint.value) if joint else None,
        side=Side(side.value) if side else None,
        nifti_orientation=orientation.value if orientation else None,
        isolate=isolate,
        progress=tell,
    )
