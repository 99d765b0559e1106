"""The bones of a study: found by the network, or given by the user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.anatomy.registry import bone_registry
from marrowlight.errors import UsageError
from marrowlight.reading import Warned
from marrowlight.study.series import Series
from marrowlight.study.study import Joint, Side, Study

if TYPE_CHECKING:
    from marrowlight.anatomy.found import BonesFound, BoneTrust
    from marrowlight.anatomy.seed import Seed
    from marrowlight.stages import Stages

NOT_READ = "bone-not-read"
MAIN_NOT_READ = "main-bone-not-read"
"""Codes of warnings; the second means that the joint is read only in part."""


@dataclass(frozen=True, eq=False)
class StudyBones:
    """The bones of a study, and what the reader of them must know.

    study : with the joint that the network saw, where the files do not say; bones : on one grid of
    the study; found : None if the user gave them; warnings : about the bones alone.
    """

    study: Study
    bones: BoneMap
    found: BonesFound | None = None
    warnings: tuple[Warned, ...] = ()

    @property
    def trust(self) -> tuple[BoneTrust, ...]:
        """How far each bone that was looked for is trusted; empty for bones that were given."""
        return self.found.trust if self.found else ()


def bones_of(
    study: Study,
    bones: BoneMap | BonesFound | str | Path | None,
    *,
    labels: str | None,
    seeds: Sequence[Seed],
    stages: Stages,
    isolate: bool = False,
) -> StudyBones:
    """The bones that were given, or, for None, those that the network finds in the study.

    isolate : as for ``open_study``, for a mask file.

    Raises what ``bones_from_file`` and ``find_bones`` raise, and UsageError for options that do
    not go together.
    """
    if bones is not None and seeds:
        raise UsageError(
            "A seed says where the network should look for a bone; it goes with no bones given.",
            where="--seed",
            do="leave out --bones, or leave out --seed",
        )
    if bones is None:
        if labels:
            raise UsageError(
                "There is no bone mask that these labels could belong to.",
                where="--bone-labels",
                do="give the mask with --bones, or leave the labels out",
            )
        from marrowlight.anatomy.find_bones import find_bones

        return _found(study, find_bones(study, seeds=seeds, stages=stages))
    if isinstance(bones, (BoneMap, str, Path)):
        with stages.stage("bones"):
            return StudyBones(study, _given(study, bones, labels, isolate=isolate))
    if labels:
        raise UsageError("bone_labels goes with a mask file; BonesFound names its own bones.")
    return _found(study, bones)


def _given(
    study: Study, bones: BoneMap | str | Path, labels: str | None, *, isolate: bool
) -> BoneMap:
    if isinstance(bones, BoneMap):
        if labels:
            raise UsageError("bone_labels goes with a mask file; a BoneMap names its own bones.")
        return bones
    from marrowlight.anatomy.given import bones_from_file
    from marrowlight.side_file import labels_beside

    grids = [(f"{s.id} ({s.role.value})", s.volume.grid) for s in study.series]
    named = labels or labels_beside(bones)
    return bones_from_file(bones, grids, labels=named, side=study.side, isolate=isolate)


def _found(study: Study, found: BonesFound) -> StudyBones:
    share = found.joint_shares.get(found.joint)
    told = "the bone network sees this joint" + (f" ({share:.0%})" if share is not None else "")
    if study.joint is Joint.UNKNOWN:
        study = replace(study, joint=found.joint, joint_evidence=(told,))
    elif study.joint is found.joint:
        study = replace(study, joint_evidence=(*study.joint_evidence, told))
    warnings = [Warned(code=n.code, text=n.text) for n in found.notices]
    for one in found.trust:
        if not one.read:
            warnings.append(_not_read(one, study))
    return StudyBones(study, found.bones, found, tuple(warnings))


def _not_read(one: BoneTrust, study: Study) -> Warned:
    main = is_main(one.bone, study.joint)
    name = bone_registry()[one.bone].name.lower()
    if one.side in (Side.LEFT, Side.RIGHT) and one.side is not study.side:
        name = f"{one.side.value} {name}"
    text = f"The {name} was not read: {one.reason.strip().rstrip('.')}."
    if main:
        text += " So this joint is read only in part; edema there would be missed."
    return Warned(code=MAIN_NOT_READ if main else NOT_READ, text=text)


def is_main(bone: str, joint: Joint) -> bool:
    """Whether a joint is read only in part without this bone: not so a patella or a fibula."""
    from marrowlight.anatomy.expect import expected

    return any(one.bone == bone and one.main for one in expected().of_joint(joint).bones)


def carried(given: StudyBones, primary: Series) -> tuple[Warned, ...]:
    """What to say where the bones stand on another grid than the primary series."""
    if given.bones.grid.matches(primary.volume.grid, 1e-4):
        return ()
    found = given.found
    if found and primary.id in found.series_used:
        # The primary series itself took part in finding them.
        return ()
    spacing = " x ".join(f"{s:.2f}" for s in given.bones.grid.spacing)
    made = "bones were found" if found else "bone mask was drawn"
    text = (
        f"The {made} on another grid ({spacing} mm) and carried to the primary series "
        f"{primary.id} by position; movement between the two is not corrected."
    )
    return (Warned(code="bones-carried-over", text=text),)
