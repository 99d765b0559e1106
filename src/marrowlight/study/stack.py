"""Group DICOM slices into volumes by geometry, never by file name or instance number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from marrowlight.errors import BadVoxels, GeometryError, SliceError
from marrowlight.notice import Notice
from marrowlight.study.candidate import Candidate
from marrowlight.study.grid import Grid
from marrowlight.study.nifti_file import intensities
from marrowlight.study.origin import origin_of
from marrowlight.study.parsed import Slice
from marrowlight.study.shown import shown_name
from marrowlight.study.slices import SAME_POSITION_MM, affine_of, directions
from marrowlight.study.volume import Volume

SAME_DIRECTION = 1e-3
"""Direction cosines closer than this are one orientation (0.06 degrees)."""

SPLIT_KEYS = (
    ("EchoTime", "TE {:g} ms"),
    ("EchoNumbers", "echo {:g}"),
    ("InversionTime", "TI {:g} ms"),
    ("DiffusionBValue", "b {:g}"),
    ("ImageType", "{}"),
    ("ComplexImageComponent", "{}"),
    ("MetaboliteMapDescription", "{}"),
    ("StackID", "stack {}"),
)
"""What makes two images of one series two volumes, and how the parts are called."""

TIME_KEYS = (
    "TemporalPositionIdentifier", "AcquisitionNumber", "TriggerTime", "AcquisitionTime",
    "InstanceNumber",
)  # fmt: skip
"""What tells apart images of one position, most telling first."""


def stack_slices(slices: Iterable[Slice]) -> list[Candidate]:
    """One candidate per volume, in a fixed order.

    Echoes, orientations, image kinds and time points inside one series are split. A volume with
    missing, duplicate or unevenly spaced slices, or without sound voxels, has a ``defect``.
    """
    series: dict[tuple[str, str], list[Slice]] = {}
    for one in slices:
        key = (
            str(one.tags.get("StudyInstanceUID", "")),
            str(one.tags.get("SeriesInstanceUID", "")),
        )
        series.setdefault(key, []).append(one)
    candidates: list[Candidate] = []
    for members in series.values():
        candidates += _split_series(members)
    return candidates


def _split_series(members: list[Slice]) -> list[Candidate]:
    groups: dict[tuple[object, ...], list[Slice]] = {}
    orientations: list[tuple[float, ...]] = []
    for one in members:
        values = tuple(_value(one, key) for key, _ in SPLIT_KEYS)
        shape = (one.pixels.shape, tuple(round(s, 4) for s in one.spacing))
        turn = _orientation_index(one.orientation, orientations)
        frame = one.tags.get("FrameOfReferenceUID", "")
        groups.setdefault((*values, shape, turn, frame), []).append(one)
    differing = [n for n, _ in enumerate(SPLIT_KEYS) if len({key[n] for key in groups}) > 1]
    several_turns = len({key[-2] for key in groups}) > 1
    out: list[Candidate] = []
    for key in sorted(groups, key=_part_order):
        parts = [SPLIT_KEYS[n][1].format(key[n]) for n in differing if key[n] != ""]
        if several_turns:
            parts.append(f"orientation {int(str(key[-2])) + 1}")
        out += _split_times(groups[key], ", ".join(parts))
    return out


def _part_order(key: tuple[object, ...]) -> tuple[tuple[str, float, str], ...]:
    """Numbers by size, texts by letter."""
    return tuple(
        ("", float(v), "") if isinstance(v, int | float) else ("text", 0.0, str(v)) for v in key
    )


def _value(one: Slice, key: str) -> object:
    value = one.tags.get(key, "")
    if key == "ImageType":
        return " ".join(str(value).split("\\")[2:])
    return round(value, 1) if isinstance(value, float) else value


def _orientation_index(turn: tuple[float, ...], known: list[tuple[float, ...]]) -> int:
    for index, other in enumerate(known):
        if max(abs(a - b) for a, b in zip(turn, other, strict=True)) < SAME_DIRECTION:
            return index
    known.append(turn)
    return len(known) - 1


def _split_times(members: list[Slice], part: str) -> list[Candidate]:
    """One candidate, or one per time point where every position was imaged several times."""
    try:
        normal = directions(members[0].orientation)[2]
    except GeometryError as error:
        return [_defective(members, part, error)]
    levels = _levels(members, normal)
    levels, copies = _without_copies(levels)
    notices = []
    if copies:
        text = f"{copies} identical copies of images were left out."
        notices.append(Notice("duplicate-images", text))
    times = _times(levels)
    if times is None:
        return [_defective(members, part, _duplicates(levels, normal))]
    if len(levels) == 1 and len(times) > 1:
        return [_defective(members, part, _one_position(members))]
    candidates = []
    for number, time in enumerate(times, start=1):
        name = part
        if len(times) > 1:
            name = ", ".join(filter(None, (part, f"time {number} of {len(times)}")))
        candidates.append(_candidate(time, name, notices))
    return candidates


def _levels(members: list[Slice], normal: np.ndarray) -> list[list[Slice]]:
    """Images by position along the normal."""
    along = [float(np.dot(one.position, normal)) for one in members]
    levels: list[list[Slice]] = []
    last = -np.inf
    for n in sorted(range(len(members)), key=lambda n: along[n]):
        if along[n] - last > SAME_POSITION_MM:
            levels.append([])
            last = along[n]
        levels[-1].append(members[n])
    return levels


def _without_copies(levels: list[list[Slice]]) -> tuple[list[list[Slice]], int]:
    """Drop images that are there twice: same pixels, same place, same time."""
    kept, copies = [], 0
    for level in levels:
        unique: list[Slice] = []
        for one in level:
            if any(_same(one, other) for other in unique):
                copies += 1
            else:
                unique.append(one)
        kept.append(unique)
    return kept, copies


def _same(one: Slice, other: Slice) -> bool:
    """Whether two images are copies. Blank edge slices of two time points are none."""
    return bool(
        all(one.tags.get(key) == other.tags.get(key) for key in TIME_KEYS)
        and np.allclose(one.position, other.position, atol=SAME_POSITION_MM)
        and one.slope == other.slope
        and np.array_equal(one.pixels, other.pixels)
    )


def _times(levels: list[list[Slice]]) -> list[list[Slice]] | None:
    """Images by time point, each with one image per position; None if they do not split so."""
    repeats = {len(level) for level in levels}
    if repeats == {1}:
        return [[level[0] for level in levels]]
    for key in TIME_KEYS:
        times: dict[str | float, list[Slice]] = {}
        for level in levels:
            for one in level:
                times.setdefault(one.tags.get(key, ""), []).append(one)
        if len(times) > 1 and all(_once_each(time, levels) for time in times.values()):
            return [times[value] for value in sorted(times, key=lambda v: (str(type(v)), v))]
    if len(repeats) == 1:
        ordered = [sorted(level, key=_time_order) for level in levels]
        return [[level[n] for level in ordered] for n in range(repeats.pop())]
    return None


def _once_each(time: list[Slice], levels: list[list[Slice]]) -> bool:
    return len(time) == len(levels) and all(
        any(one is other for other in level) for one, level in zip(time, levels, strict=True)
    )


def _time_order(one: Slice) -> tuple[str, ...]:
    values = (one.tags.get(key, "") for key in TIME_KEYS)
    return tuple(f"{v:020.6f}" if isinstance(v, float) else v for v in values)


def _duplicates(levels: list[list[Slice]], normal: np.ndarray) -> SliceError:
    double = [(n, level) for n, level in enumerate(levels) if len(level) > 1]
    places = "; ".join(
        f"{len(level)} images at slice {n + 1} ({np.dot(level[0].position, normal):.2f} mm): "
        + ", ".join(sorted({shown_name(one.file) for one in level})[:3])
        for n, level in double[:3]
    )
    return SliceError(
        f"Slices are there more than once and differ: {places}"
        + (f"; and {len(double) - 3} more" if len(double) > 3 else "") + ".",
        expected="one image at each position",
        do="remove the files that do not belong to the series",
    )  # fmt: skip


def _one_position(members: Sequence[Slice]) -> SliceError:
    return SliceError(
        f"All {len(members)} images share one position: they are one slice many times, no volume.",
        expected="slices at different positions",
        do="give a series that covers the joint",
    )


def _candidate(members: Sequence[Slice], part: str, notices: list[Notice]) -> Candidate:
    out = _defective(members, part, None)
    out.notices = list(notices)
    first = members[0]
    positions = np.array([one.position for one in members], float)
    thickness = first.tags.get("SliceThickness", 1.0)
    single = float(first.tags.get("SpacingBetweenSlices", thickness)) or 1.0
    try:
        affine, uneven = affine_of(positions, first.orientation, first.spacing, abs(single))
        rows, columns = first.pixels.shape
        grid = Grid((columns, rows, len(members)), affine)
    except GeometryError as error:
        error.where = out.label
        out.defect = error
        return out
    out.notices += uneven + _spacing_notice(first, grid, len(members))
    # Slices are contiguous in memory (Fortran order), as they come.
    voxels = np.empty(grid.shape, np.float32, order="F")
    for k, one in enumerate(members):
        voxels[:, :, k] = intensities(one.pixels, one.slope, one.intercept).T
    out.defect = voxel_defect(voxels, out.label)
    out.volume = Volume(voxels, grid)
    return out


def _spacing_notice(first: Slice, grid: Grid, count: int) -> list[Notice]:
    """Every second slice lost cannot be seen in the positions; the tag can tell."""
    stated = first.tags.get("SpacingBetweenSlices")
    if count < 2 or not isinstance(stated, float) or stated <= 0:
        return []
    found = grid.spacing[2]
    if found < 1.5 * stated:
        return []
    text = (
        f"Slices are {found:.2f} mm apart by position, and {stated:.2f} mm by the tag "
        "SpacingBetweenSlices: slices may be missing evenly. Positions were used."
    )
    return [Notice("slice-spacing-disagrees", text)]


def voxel_defect(voxels: np.ndarray, where: str) -> BadVoxels | None:
    """Why these voxels are no image, or None."""
    if not np.isfinite(voxels).all():
        count = int((~np.isfinite(voxels)).sum())
        return BadVoxels(
            f"{count} of {voxels.size} voxels are not a number or infinite.",
            where=where,
            expected="a finite intensity in every voxel",
            do="export or convert the image again",
        )
    if voxels.min() == voxels.max():
        return BadVoxels(
            f"All {voxels.size} voxels have the same value ({float(voxels.flat[0]):g}).",
            where=where,
            expected="an image",
            do="check that the export was complete",
        )
    return None


def _defective(members: Sequence[Slice], part: str, error: GeometryError | None) -> Candidate:
    tags = members[0].tags
    names = [str(tags[k]) for k in ("SeriesDescription", "ProtocolName") if k in tags]
    description = names[0] if names else "unnamed series"
    if error is not None:
        error.where = error.where or description
    return Candidate(
        description=description,
        volume=None,
        tags=tags,
        files=tuple(dict.fromkeys(one.file for one in members)),
        uids={
            "study": str(tags.get("StudyInstanceUID", "")),
            "series": str(tags.get("SeriesInstanceUID", "")),
            "frame_of_reference": str(tags.get("FrameOfReferenceUID", "")),
            "sop": [str(one.tags.get("SOPInstanceUID", "")) for one in members],
        },
        origin=origin_of(members),
        part=part,
        defect=error,
    )
