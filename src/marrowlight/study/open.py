"""Open a study: files in, one value out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

from marrowlight.errors import InputError, NoImages, UsageError
from marrowlight.notice import Notice
from marrowlight.study.aside import reason_to_set_aside
from marrowlight.study.candidate import Candidate
from marrowlight.study.joint import find_joint
from marrowlight.study.limits import Limits
from marrowlight.study.losses import add_losses, list_skipped, lost_error
from marrowlight.study.made import in_frame_of, make_series
from marrowlight.study.nifti_volume import NiftiOrientation, nifti_candidates
from marrowlight.study.parse import ProgressCall, parse
from marrowlight.study.parsed import Parsed
from marrowlight.study.patient import check_one_patient, other_visits, study_identity
from marrowlight.study.primary import choose_primary
from marrowlight.study.redact import mask_error, mask_study, patient_words
from marrowlight.study.role import GRE_NOTICE, Found, find_role
from marrowlight.study.series import Role, Series, SetAside
from marrowlight.study.shown import clean, shown_name
from marrowlight.study.stack import stack_slices
from marrowlight.study.study import Joint, Side, Study

Kept: TypeAlias = tuple[Candidate, Found]
"""A candidate that may become a series, and its role."""

_Word = TypeVar("_Word", Joint, Side)

RoleFiles = Mapping[str, str | Path] | Sequence[tuple[str, str | Path]]


def open_study(
    *paths: str | Path,
    series: RoleFiles = (),
    joint: Joint | str | None = None,
    side: Side | str | None = None,
    nifti_orientation: NiftiOrientation | None = None,
    isolate: bool = False,
    limits: Limits | None = None,
    progress: ProgressCall | None = None,
) -> Study:
    """Open one study from folders, DICOM or NIfTI files and zip archives, in any mixture.

    Parameters
    ----------
    paths : str or Path
    series : mapping or pairs of role and path, optional
        Says what a file, folder or archive is, e.g. ``[("stir", "a.nii.gz")]``; repeatable, and
        read even if it is not among ``paths``. Overrides tags and names.
    joint, side : optional
        Override what the files say.
    nifti_orientation : "sform" or "qform", optional
        Which one to trust where a NIfTI file sets both and they disagree.
    isolate : bool
        Read the files in a child process with limits on memory and time (``study.child``), for
        files that you do not trust. It starts a Python of its own (a quarter of a second), and
        gives the same study. The command line does so by default; a library does not start
        processes unasked, since its caller may be a worker, a notebook or a sandbox already, and
        knows where its files come from.
    limits : Limits, optional
    progress : called with (done, total, what), optional

    Returns
    -------
    Study
        Holds no open file. ``study.primary`` raises NoFluidSensitiveSeries if there is none.

    Raises
    ------
    NoImages, UnreadableFile, LimitExceeded, MixedPatients, SliceError, AmbiguousOrientation,
    GeometryError, BadVoxels
        A defect is an error if the primary series would have it, or a series that ``series``
        names. Any other defective series or file is set aside, and a notice
        ``read-in-part`` says so.
    UsageError
        A role that does not exist, or nothing to open.
    """
    known_joint, known_side = _one_of(Joint, joint, "joint"), _one_of(Side, side, "side")
    roles = _roles(series)
    everything = [*paths, *(path for _, path in roles)]
    if not everything:
        raise UsageError("Nothing was named to open.", expected="a folder, file or zip archive")
    if isolate:
        from marrowlight.study.child import parse_in_child

        parsed = parse_in_child(everything, limits or Limits(), progress)
    else:
        parsed = parse(everything, limits, progress)
    words = patient_words(parsed)
    try:
        study = build_study(
            parsed,
            roles=roles,
            joint=known_joint,
            side=known_side,
            nifti_orientation=nifti_orientation,
        )
    except InputError as error:
        raise mask_error(error, words) from None
    return mask_study(study, words)


def _one_of(kind: type[_Word], word: _Word | str | None, name: str) -> _Word | None:
    """A word of an enum, given as such or as text; raises UsageError."""
    if word is None:
        return None
    try:
        return kind(word)
    except ValueError:
        raise UsageError(
            f"{clean(str(word))!r} is no {name}.", expected=", ".join(k.value for k in kind)
        ) from None


def build_study(
    parsed: Parsed,
    *,
    roles: Sequence[tuple[Role, Path]] = (),
    joint: Joint | None = None,
    side: Side | None = None,
    nifti_orientation: NiftiOrientation | None = None,
) -> Study:
    """A study from what parsing gave; pure. Parameters and errors as for ``open_study``."""
    check_one_patient(parsed)
    candidates = stack_slices(parsed.slices)
    for image in parsed.images:
        candidates += nifti_candidates(image, nifti_orientation)
    aside, notices = list_skipped(parsed)
    kept: list[Kept] = []
    named: list[Candidate] = []
    for one in add_losses(candidates, parsed):
        role = _given_role(one, roles)
        if role is not None:
            if one.defect is not None:
                raise one.defect
            gre = (GRE_NOTICE,) if role is Role.GRE_FS else ()
            kept.append((one, Found(role, ("given by the user",), gre)))
            named.append(one)
        elif reason := reason_to_set_aside(one):
            aside.append(SetAside(_shown(one), reason, len(one.files)))
        else:
            kept.append((one, find_role(one)))
    _check_named(roles, named, parsed)
    sound = [c for c, _ in kept if c.defect is None]
    place = find_joint(sound or [c for c, _ in kept], joint=joint, side=side)
    kept, made, primary, why = _ranked(kept, named, place.joint)
    chosen = kept[0][0] if primary is not None else None
    if chosen is not None and chosen.defect is not None:
        raise chosen.defect
    _refuse_if_nothing(kept, aside, parsed)
    lost = {s.file for s in parsed.skipped if s.fault}
    series = []
    for (one, _), s in zip(kept, made, strict=True):
        if one.defect is not None:
            if lost.issuperset(one.files):
                continue  # Its files are already listed as unreadable.
            aside.append(SetAside(_shown(one), one.defect.found, len(one.files)))
            text = f"Series {one.label} was not read: {one.defect.found}"
            notices.append(Notice("read-in-part", text))
        elif other_visits(one, chosen):
            aside.append(SetAside(_shown(one), "of another visit than the primary", len(one.files)))
            text = "The input holds more than one visit; only that of the primary series was used."
            notices.append(Notice("several-visits", text))
        else:
            series.append(in_frame_of(s, made[0]))
    return Study(
        series=tuple(series),
        set_aside=tuple(aside),
        joint=place.joint,
        joint_evidence=place.joint_evidence,
        side=place.side,
        side_evidence=place.side_evidence,
        primary_id=primary,
        primary_reason=why,
        identity=study_identity(chosen or (sound[0] if sound else None)),
        notices=tuple(dict.fromkeys([*place.notices, *notices])),
    )


def _ranked(
    kept: Sequence[Kept], named: Sequence[Candidate], joint: Joint
) -> tuple[list[Kept], list[Series], str | None, str]:
    """Candidates with the primary first and its plane next, their series, its id and the reason.

    Defective candidates take part in the choice, so that a broken STIR is refused, and not
    silently replaced by the next best. The order makes the T1 of the same plane the first T1.
    """
    order = list(kept)
    for _ in range(2):
        made = make_series(order)
        ids = [s.id for s, (c, _) in zip(made, order, strict=True) if any(c is n for n in named)]
        primary, why = choose_primary(made, joint, ids)
        best = next((s for s in made if s.id == primary), None)
        if best is None:
            break
        ranks = {s.id: (s is not best, s.plane is not best.plane) for s in made}
        paired = sorted(zip(made, order, strict=True), key=lambda pair: ranks[pair[0].id])
        order = [candidate for _, candidate in paired]
    return order, make_series(order), primary, why


def _roles(series: RoleFiles) -> list[tuple[Role, Path]]:
    pairs = list(series.items()) if isinstance(series, Mapping) else list(series)
    out = []
    for role, path in pairs:
        try:
            out.append((Role(role), Path(path)))
        except ValueError as error:
            raise UsageError(
                f"{role!r} is no role of a series.",
                where=f"series {role}={path}",
                expected=", ".join(r.value for r in Role),
            ) from error
    return out


def _shown(one: Candidate) -> str:
    """Name for the list of what was set aside: of the file, where there is one."""
    return shown_name(one.files[0]) if one.nifti else one.label


def _given_role(one: Candidate, roles: Sequence[tuple[Role, Path]]) -> Role | None:
    for role, path in roles:
        real = path.resolve()
        for file in one.files:
            source = Path(file.split("!")[0]).resolve()
            if source == real or real in source.parents or file == str(path):
                return role
    return None


def _check_named(
    roles: Sequence[tuple[Role, Path]], named: Sequence[Candidate], parsed: Parsed
) -> None:
    """Every file that the user named must have become a series."""
    for role, path in roles:
        if any(_given_role(one, [(role, path)]) for one in named):
            continue
        reasons = [s for s in parsed.skipped if Path(s.file.split("!")[0]) == path]
        why = reasons[0].reason if reasons else "holds no image"
        raise NoImages(
            f"{path.name} {why}.",
            where=f"--series {role.value}={path.name}",
            expected="an MR image (DICOM or NIfTI)",
            do="name the file, or the folder, of the series that is meant",
        )


def _refuse_if_nothing(kept: Sequence[Kept], aside: Sequence[SetAside], parsed: Parsed) -> None:
    if any(c.defect is None for c, _ in kept):
        return
    defects: list[InputError] = [c.defect for c, _ in kept if c.defect is not None]
    if defects:
        raise defects[0]
    if lost := [s for s in parsed.skipped if s.fault]:
        raise lost_error(lost)
    reasons: dict[str, int] = {}
    for one in aside:
        reasons[one.reason] = reasons.get(one.reason, 0) + one.files
    listing = "".join(f"\n  {n} x {reason}" for reason, n in list(reasons.items())[:8])
    raise NoImages(
        f"No MR image was found in {parsed.files} file{'s' * (parsed.files != 1)}." + listing,
        expected="an MRI study: DICOM or NIfTI, in folders or zip archives",
        do="name the folder that holds the images",
    )
