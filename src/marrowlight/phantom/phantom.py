"""The phantom: images of a digital joint, and the truth about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowlight.anatomy.bonemap import BoneMap, LabelledBone
from marrowlight.phantom.anatomy import Anatomy, make_anatomy
from marrowlight.phantom.burden import Burden, lay_in
from marrowlight.phantom.lesion import Lesion, make_lesion
from marrowlight.phantom.scan import image_series, noise_sd
from marrowlight.phantom.sequence import FatSuppression, Sequence, sequence_of
from marrowlight.phantom.spec import PhantomSpec
from marrowlight.phantom.tissue import load_tissues
from marrowlight.study.grid import Grid
from marrowlight.study.series import Plane
from marrowlight.study.volume import Volume


@dataclass(frozen=True, eq=False)
class PhantomSeries:
    """One series: its sequence and its image."""

    name: str
    sequence: Sequence
    volume: Volume


@dataclass(frozen=True, eq=False)
class Phantom:
    """A digital joint, scanned.

    Parameters
    ----------
    spec : PhantomSpec
    series : tuple of PhantomSeries
        The fluid-sensitive one first; all on one grid.
    grid : Grid
    plane : Plane
    bones : BoneMap
        True bones: voxels more than half of which are cortex or marrow of the bone.
    edema : (I, J, K) bool
        True edema: voxels more than half of which are marrow within the outline of a lesion.
    lesions : (I, J, K) uint8
        The same by lesion: 1, 2... in the order of the spec.
    cysts : (I, J, K) bool
        Voxels more than half of which are cyst.
    truth : dict
        What ``truth.json`` holds: the spec, and of every lesion its exact volume and its place.
    """

    spec: PhantomSpec
    series: tuple[PhantomSeries, ...]
    grid: Grid
    plane: Plane
    bones: BoneMap
    edema: NDArray[np.bool_]
    lesions: NDArray[np.uint8]
    cysts: NDArray[np.bool_]
    truth: dict[str, Any]

    def volume(self, name: str | None = None) -> Volume:
        """The image of a series by name (``pdfs``, ``t1w``...), or the fluid-sensitive one."""
        found = {one.name: one.volume for one in self.series}
        return found[name] if name else self.series[0].volume


def make_phantom(spec: PhantomSpec | None = None, anatomy: Anatomy | None = None) -> Phantom:
    """Make a phantom.

    Parameters
    ----------
    spec : PhantomSpec, optional
        Default: a right knee at 3 T, PD FS and T1, with its two usual lesions.
    anatomy : Anatomy, optional
        From ``make_anatomy`` with the same joint, side, seed and grid, to save the time of it; the
        seed of ``spec`` then decides only outlines and noise.

    Raises
    ------
    UsageError
        If a site does not exist or cannot hold its lesion.
    KnowledgeError
        If the tissue file breaks its rules.
    """
    spec = spec or PhantomSpec()
    tissues = load_tissues(spec.field_t)
    anatomy = anatomy or make_anatomy(spec)
    wanted = anatomy.model.usual if spec.edema is None else spec.edema
    lesions = [
        make_lesion(anatomy, one, spec.seed, n if one.outline is None else one.outline)
        for n, one in enumerate(wanted)
    ]
    burden = lay_in(anatomy, lesions)
    series: list[PhantomSeries] = []
    noise: dict[str, float] = {}
    for role in spec.roles:
        sequence = sequence_of(role, tissues)
        fats = (False, True) if sequence.suppression is FatSuppression.SEPARATION else (False,)
        for fat_image in fats:
            name = sequence.name.replace("water", "fat") if fat_image else sequence.name
            voxels = image_series(
                anatomy, burden.shares, sequence, tissues, spec, fat_image=fat_image
            )
            series.append(PhantomSeries(name, sequence, Volume(voxels, anatomy.grid)))
            noise[name] = noise_sd(sequence, tissues, spec, fat_image=fat_image)
    numbered = _numbered(burden)
    return Phantom(
        spec, tuple(series), anatomy.grid, anatomy.plane, _bones(anatomy, spec),
        _to_ijk(burden.inside > 0.5), numbered, _to_ijk(burden.cyst > 0.5),
        _truth(spec, anatomy, lesions, burden, numbered),
    )  # fmt: skip


def _to_ijk(voxels: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(np.moveaxis(voxels, 0, 2))


def _numbered(burden: Burden) -> NDArray[np.uint8]:
    out = np.zeros(burden.cyst.shape, np.uint8)
    best = np.zeros(burden.cyst.shape, np.float32)
    for number, share in enumerate(burden.of_lesion, start=1):
        mine = share > best
        out[mine] = number
        best[mine] = share[mine]
    out[burden.inside <= 0.5] = 0
    return _to_ijk(out)


def _bones(anatomy: Anatomy, spec: PhantomSpec) -> BoneMap:
    labels = np.zeros(anatomy.texture.shape, np.uint8)
    for label, share in anatomy.bones.items():
        labels[share > 0.5] = label
    there = set(np.unique(labels).tolist())
    return BoneMap(
        _to_ijk(labels),
        anatomy.grid,
        tuple(
            LabelledBone(label, bone, spec.side)
            for bone, label in anatomy.model.bones.items()
            if label in there
        ),
        "truth of a phantom",
    )


def _truth(
    spec: PhantomSpec,
    anatomy: Anatomy,
    lesions: list[Lesion],
    burden: Burden,
    numbered: NDArray[np.uint8],
) -> dict[str, Any]:
    """Plain values: numbers, strings, lists and dicts."""
    voxel = anatomy.grid.voxel_volume_mm3
    names = {label: bone for bone, label in anatomy.model.bones.items()}
    found = [
        {
            "id": n,
            "site": one.spec.site,
            "bone": names[one.bone],
            "side": spec.side.value,
            "volume_mm3": one.volume_mm3,
            "voxel_volume_mm3": float((numbered == n).sum() * voxel),
            "faint_volume_mm3": round(one.faint_mm3, 1),
            "cyst_volume_mm3": one.cyst_mm3,
            "strength": one.spec.strength,
            "shape": one.spec.shape.value,
            "edge_mm": one.spec.edge_mm,
            "centroid_ras_mm": [round(float(c), 3) for c in one.centroid_ras_mm],
        }
        for n, one in enumerate(lesions, start=1)
    ]
    options = asdict(spec)
    options.pop("edema")
    options.pop("repeat")
    options["plane"] = anatomy.plane
    repeat = {} if spec.repeat is None else {"repeat": asdict(spec.repeat)}
    return {
        "schema": "marrowlight.phantom/1",
        "joint": spec.joint.value,
        "side": spec.side.value,
        "definition": "volume_mm3 is the exact volume of marrow within the outline, which is where "
        "the added water has fallen to half of its strength; voxel_volume_mm3 counts voxels more "
        "than half of which are that, times their centre-to-centre volume; faint_volume_mm3 is the "
        "marrow that has at least a tenth of the strength; cysts are left out of all",
        "edema_volume_mm3": float(sum(one.volume_mm3 for one in lesions)),
        "edema_voxel_volume_mm3": float((numbered > 0).sum() * voxel),
        "bones": [
            {
                "bone": bone,
                "label": label,
                "volume_mm3": float(anatomy.bones[label].sum(dtype=np.float64) * voxel),
            }
            for bone, label in anatomy.model.bones.items()
        ],
        "lesions": found,
        "spec": {
            key: [str(v) for v in value] if isinstance(value, tuple) else value
            for key, value in options.items()
        },
        **repeat,
    }
