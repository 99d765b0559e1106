"""What is no joint, not the joint that was named, or a bad image: right or refused?

    python -m benchmarks.bones_refused [--only head noise] [--every 1]

Every case goes through ``find_bones``. Refused means that no bone comes out: the error says why, or
every bone is listed as not read. Two kinds of case:

- must be refused: heads (named a joint, so that their headers cannot refuse them), noise, blank
  images, and joints under the name of another. Wanted is ``NotThisJoint``; another refusal is
  listed as what it is.
- right or refused: a knee upside down, of three slices, half outside the field, of a child, with a
  prosthesis, two in one field. Every bone that is read must agree (Dice) with the same bone in the
  image as it was; a bone that is read and wrong fails the case.

The child is an adult knee in a voxel grid of 60 %, without growth plates; the prosthesis is a
painted void with a bright rim; the second knee of two is a mirror image: estimates of the real
thing, all three.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.bone_cases import (
    Mask,
    Outcome,
    alone,
    bone_mask,
    bone_stamp,
    changed,
    dice,
    heading,
    made_study,
    outcome,
    parsed,
    parser_of,
    real_knees,
    table,
    write_result,
)
from marrowlight.anatomy.bonemap import BoneMap
from marrowlight.anatomy.network import OnnxNetwork
from marrowlight.errors import MarrowlightError
from marrowlight.study.open import open_study
from marrowlight.study.study import Joint, Side, Study

RIGHT_DICE = 0.85
"""From here on a bone is the right one in the right place; below, it is confidently wrong."""
JOINTS = (Joint.KNEE, Joint.HIP, Joint.ANKLE, Joint.SACROILIAC)
SEED = 11

Check = Callable[[Outcome], tuple[bool, str]]


@dataclass(frozen=True, eq=False)
class Case:
    """One case: a study, or the error that its files already gave; and what is asked of it."""

    group: str
    name: str
    study: Study | Outcome
    check: Check


def must_refuse(result: Outcome) -> tuple[bool, str]:
    """Passed if no bone comes out."""
    if result.found is None:
        return True, "refused" if result.error == "NotThisJoint" else "refused otherwise"
    return False, "READ"


def right_or_refused(truth: Callable[[BoneMap, str, Side], Mask | None]) -> Check:
    """Passed if every bone that is read agrees with ``truth(bones, bone, side)``.

    truth : the mask that is right on the grid of ``bones``; None for a bone that is not there.
    """

    def check(result: Outcome) -> tuple[bool, str]:
        if result.found is None:
            return True, "refused"
        bones, values = result.found.bones, []
        for one in bones.bones:
            mask = truth(bones, one.bone, one.side)
            value = 0.0 if mask is None else dice(bones.of(one), mask)
            side = f" {one.side.value}" if one.side in (Side.LEFT, Side.RIGHT) else ""
            values.append((value, f"{one.bone}{side} Dice {value:.2f}"))
        wrong = [text for value, text in values if not value >= RIGHT_DICE]
        right = ", ".join(text for _, text in values)
        return (False, f"WRONG: {', '.join(wrong)}") if wrong else (True, f"right: {right}")

    return check


# --- must be refused


def refused_inputs(data: Path) -> Iterator[Case]:
    """Heads and joints under another name."""
    for folder in sorted((data / "dicom").glob("head_*")):
        study: Study | Outcome
        try:
            study = open_study(folder, joint="knee")
        except MarrowlightError as error:
            study = Outcome(None, type(error).__name__, error.found)
            yield Case("head", f"{folder.name} as any joint", study, must_refuse)
            continue
        for joint in (*JOINTS, Joint.UNKNOWN):
            yield Case("head", f"{folder.name} as {joint.value}", named(study, joint), must_refuse)
    for path in sorted((data / "sij").glob("*/*.nii.gz")):
        kind = path.name.split(".")[0]
        if kind in ("t1w", "stir"):
            study = open_study(path, joint="knee")
            name = f"sacroiliac {path.parent.name} {kind} as knee"
            yield Case("other joint", name, study, must_refuse)


def named(study: Study, joint: Joint) -> Study:
    """The study as if the user had said which joint it is, or nobody had."""
    return replace(study, joint=joint, joint_evidence=("named for a benchmark",))


def noise_cases() -> Iterator[Case]:
    """Volumes without anything in them."""
    rng = np.random.default_rng(SEED)
    shape, affine = (160, 160, 30), np.diag([-1.0, -1.0, 3.5, 1.0])[[2, 0, 1, 3]]
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    white = rng.rayleigh(1.0, shape)
    clouds = ndimage.gaussian_filter(rng.normal(size=shape), (8, 8, 2))
    clouds = np.abs(clouds / clouds.std()) + 0.2 * white
    body = np.zeros(shape)
    body[30:130, 20:140] = 1.0
    volumes = {
        "white noise": white,
        "clouds": clouds,
        "clouds in a body": clouds * body + 0.05 * white,
        "even body in noise": body + 0.05 * white,
        "zeros": np.zeros(shape),
        "ones": np.ones(shape),
    }
    for name, image in volumes.items():
        for joint in (Joint.KNEE, Joint.UNKNOWN):
            study = made_study(image, affine, joint)
            yield Case("noise", f"{name} as {joint.value}", study, must_refuse)


# --- right or refused


def knee_cases(name: str, study: Study, whole: BoneMap) -> Iterator[Case]:
    """Bad images of a knee of one series; whole : its bones as it is."""
    voxels, grid = study.series[0].volume.voxels, study.series[0].volume.grid
    for joint in (Joint.HIP, Joint.ANKLE, Joint.SACROILIAC):
        yield Case("other joint", f"{name} as {joint.value}", named(study, joint), must_refuse)

    def same(bones: BoneMap, bone: str, side: Side) -> Mask | None:
        mask = bone_mask(whole, bone)
        return mask if mask.any() else None

    for how, axes in (("turned upside down", (1, 2)), ("mirrored upside down", (2,))):
        flip = np.eye(4)
        for axis in axes:
            flip[axis, axis] = -1
        centre = grid.corners().mean(axis=0)
        flip[:3, 3] = centre - flip[:3, :3] @ centre
        turned = changed(study, voxels, flip @ grid.affine)
        yield Case("upside down", f"{name} {how}", turned, right_or_refused(same))
    small = grid.affine.copy()
    small[:3, :3] *= 0.6
    yield Case("child", f"{name} at 60 %", changed(study, voxels, small), right_or_refused(same))
    yield from cropped(name, study, whole)
    yield Case("prosthesis", name, changed(study, *prosthesis(voxels, whole)), outside_void(whole))
    yield two_knees(name, study, whole)


def cropped(name: str, study: Study, whole: BoneMap) -> Iterator[Case]:
    """Three slices, and fields of view that end in the bones."""
    grid = study.series[0].volume.grid
    inside = np.argwhere(whole.mask)
    low, high = inside.min(axis=0), inside.max(axis=0) + 1
    middle = (low + high) // 2
    down = int(np.abs(grid.directions[2]).argmax())
    tops = down_range(whole, "femur", down), down_range(whole, "tibia", down)
    joint_line = (tops[0] + tops[1]) / 2
    centimetre = 10.0 / grid.spacing[down]
    upper = np.sign(tops[0] - tops[1])
    parts: dict[str, tuple[str, int, int, int]] = {
        "three slices": ("three slices", 2, int(middle[2]) - 1, int(middle[2]) + 2),
        "first half of the slices": ("half a bone", 2, 0, int(middle[2])),
        "second half of the slices": ("half a bone", 2, int(middle[2]), grid.shape[2]),
    }
    for what, sign in (("tibia and 1 cm of femur", 1.0), ("femur and 1 cm of tibia", -1.0)):
        border = round(joint_line + sign * upper * centimetre)
        keep = (0, border) if sign * upper > 0 else (border, grid.shape[down])
        parts[what] = ("half a bone", down, *keep)
    for what, (group, axis, start, stop) in parts.items():
        box = tuple(slice(start, stop) if a == axis else slice(None) for a in range(3))
        image = study.series[0].volume.voxels[box]
        first = [start if a == axis else 0 for a in range(3)]
        part = grid.part(first, image.shape)

        def truth(bones: BoneMap, bone: str, side: Side, box: Any = box) -> Mask | None:
            mask = bone_mask(whole, bone)[box]
            return mask if mask.any() else None

        yield Case(group, f"{name}: {what}", changed(study, image, part.affine),
                   right_or_refused(truth))  # fmt: skip


def down_range(bones: BoneMap, name: str, axis: int) -> float:
    """Mean voxel index of a bone along an axis."""
    found = np.argwhere(bone_mask(bones, name))
    return float(found[:, axis].mean()) if len(found) else bones.grid.shape[axis] / 2


def void_of(whole: BoneMap) -> tuple[NDArray[np.float64], Mask]:
    """(distance in mm to the middle of the knee joint, bone near it): a prosthesis of both ends."""
    grid = whole.grid
    ends = [np.argwhere(bone_mask(whole, n)).mean(axis=0) for n in ("femur", "tibia")]
    middle = grid.to_ras(np.mean(ends, axis=0))
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), -1)
    offset = np.abs(grid.to_ras(index.astype(np.float32)) - middle)
    # A box of 2 cm above and below the joint line, as wide as the condyles.
    gap = np.sqrt(((offset / np.array([38.0, 32.0, 20.0])) ** 4).sum(axis=-1)) ** 0.5
    return gap, gap < 1.0


def prosthesis(
    voxels: NDArray[np.float32], whole: BoneMap
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """(image with a void and a bright rim where metal would be, its affine)."""
    gap, void = void_of(whole)
    out = np.array(voxels)
    rim = (gap >= 1.0) & (gap < 1.12)
    out[rim] = np.maximum(out[rim], np.percentile(voxels, 99.5))
    out[void] = 0.02 * float(voxels.max())
    return out, whole.grid.affine


def outside_void(whole: BoneMap) -> Check:
    """Bones must be right outside the metal; inside it nothing is asked."""
    _, void = void_of(whole)

    def check(result: Outcome) -> tuple[bool, str]:
        if result.found is not None:
            bones = result.found.bones
            labels = np.where(void, 0, bones.labels).astype(np.uint8)
            if not labels.any():
                return False, "WRONG: bone only in the void"
            result = Outcome(replace(result.found, bones=replace(bones, labels=labels)))
        return right_or_refused(
            lambda bones, bone, side: bone_mask(whole, bone) & ~void if bone else None
        )(result)

    return check


def two_knees(name: str, study: Study, whole: BoneMap) -> Case:
    """The knee and its mirror image in one field of view, with air between them."""
    voxels, grid = study.series[0].volume.voxels, study.series[0].volume.grid
    across = int(np.abs(grid.directions[0]).argmax())
    voxels, labels = np.moveaxis(voxels, across, 2), np.moveaxis(whole.labels, across, 2)
    affine = grid.affine[:, [*(a for a in range(3) if a != across), across, 3]].copy()
    if affine[0, 2] > 0:
        affine[:3, 3] += affine[:3, 2] * (voxels.shape[2] - 1)
        affine[:3, 2] *= -1
        voxels, labels = voxels[:, :, ::-1], labels[:, :, ::-1]
    # Slices now run from right to left; the right knee comes first, then air, then the left knee.
    air = max(8, round(48.0 / grid.spacing[across]))
    count = voxels.shape[2]
    rng = np.random.default_rng(SEED)
    noise = np.percentile(voxels, 2) * rng.rayleigh(1.0, (*voxels.shape[:2], air))
    image = np.concatenate([voxels, noise.astype(np.float32), voxels[:, :, ::-1]], axis=2)
    affine[0, 3] += (count + air / 2 - 0.5) * abs(affine[0, 2]) - affine[0, 3]

    def truth(bones: BoneMap, bone: str, side: Side) -> Mask | None:
        label = [b.label for b in whole.bones if b.bone == bone]
        out = np.zeros(bones.labels.shape, bool)
        if side in (Side.RIGHT, Side.UNKNOWN):
            out[:, :, :count] = np.isin(labels, label)
        if side in (Side.LEFT, Side.UNKNOWN):
            out[:, :, count + air :] = np.isin(labels, label)[:, :, ::-1]
        return out if out.any() else None

    both = changed(replace(study, side=Side.UNKNOWN), image, affine)
    return Case("two knees", f"{name} and its mirror image", both, right_or_refused(truth))


def all_cases(data: Path, network: OnnxNetwork, groups: list[str] | None) -> Iterator[Case]:
    """Every case of the groups that are wanted, one after the other."""

    def wanted(*names: str) -> bool:
        return not groups or any(g in groups for g in names)

    if wanted("head", "other joint"):
        yield from refused_inputs(data)
    if wanted("noise"):
        yield from noise_cases()
    if not wanted("other joint", "upside down", "child", "half a bone", "three slices",
                  "prosthesis", "two knees"):  # fmt: skip
        return
    for name, study in real_knees(data, ("multiecho", "cubequant")).items():
        first = alone(study, study.series[0])
        whole = outcome(first, network)
        if whole.found is None:
            yield Case("knee as it is", name, whole, lambda result: (False, "NOT READ"))
            continue
        yield from knee_cases(name, first, whole.found.bones)


def main() -> None:
    parser = parser_of("bones_refused", __doc__)
    parser.add_argument("--only", nargs="*", metavar="GROUP", help="groups of the table")
    parser.add_argument("--every", type=int, default=1, help="only every Nth case: a quick look")
    options = parsed(parser)
    rows = []
    number = -1
    for case in all_cases(options.data, options.network, options.only):
        if options.only and case.group not in options.only:
            continue
        number += 1
        if number % options.every:
            continue
        given = case.study
        result = given if isinstance(given, Outcome) else outcome(given, options.network)
        passed, what = case.check(result)
        rows.append({"group": case.group, "case": case.name, "passed": passed, "what": what,
                     "error": result.error, "said": result.said})  # fmt: skip
        print(f"{'ok  ' if passed else 'FAIL'} {case.group}: {case.name}: {what}", flush=True)
    made = bone_stamp(options.network)
    groups = list(dict.fromkeys(r["group"] for r in rows))
    lines = heading("Refused, or right", made,
                    f"A bone that is read is right from a Dice of {RIGHT_DICE} on.")  # fmt: skip
    body = []
    for group in groups:
        mine = [r for r in rows if r["group"] == group]
        body.append([group, len(mine), sum(r["passed"] for r in mine),
                     sum(bool(r["error"]) for r in mine),
                     sum(r["error"] == "NotThisJoint" for r in mine)])  # fmt: skip
    lines += table(["group", "cases", "passed", "refused", "as NotThisJoint"], body)
    lines += table(
        ["group", "case", "passed", "what happened", "what was said"],
        [[r["group"], r["case"], "yes" if r["passed"] else "**no**", r["what"], r["said"]]
         for r in rows],
    )  # fmt: skip
    write_result(options.output, {"stamp": made, "cases": rows}, "\n".join(lines))


if __name__ == "__main__":
    main()
