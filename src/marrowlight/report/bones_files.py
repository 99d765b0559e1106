"""The files of a bone map: the labels, their side file, and a picture; all or none."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from marrowlight.errors import UsageError
from marrowlight.report.as_json import json_bytes
from marrowlight.report.atomic import check_files, write_together
from marrowlight.side_file import IMAGE_ENDS, bones_record, stem
from marrowlight.study.study import Study

if TYPE_CHECKING:
    from marrowlight.anatomy.found import BonesFound


@dataclass(frozen=True, slots=True)
class BonesFiles:
    """Where the files of a bone map go: the labels, their side file and the picture."""

    image: Path
    side_file: Path
    picture: Path

    @property
    def all(self) -> tuple[Path, Path, Path]:
        """The files in the order in which they take their place."""
        return self.image, self.picture, self.side_file


def bones_files(path: str | Path, picture: str | Path | None = None) -> BonesFiles:
    """The names of the files; the picture lies beside the labels unless it is given a name.

    Raises UsageError if a name does not end as its format does.
    """
    image = Path(path)
    name = stem(image)
    if name is None:
        raise UsageError(
            f"{image.name!r} is no name for a label map.",
            where="--out",
            expected="a file that ends in " + " or ".join(IMAGE_ENDS),
        )
    seen = Path(picture) if picture else image.with_name(f"{name}.png")
    if seen.suffix.lower() != ".png":
        raise UsageError(
            f"{seen.name!r} is no name for the picture.",
            where="--picture",
            expected="a file that ends in .png",
        )
    return BonesFiles(image, image.with_name(f"{name}.json"), seen)


def write_bones(
    path: str | Path,
    found: BonesFound,
    study: Study,
    *,
    picture: str | Path | None = None,
    overwrite: bool = False,
) -> BonesFiles:
    """Write a bone map as NIfTI, with a side file that names its labels and a picture.

    Parameters
    ----------
    path : ends in ``.nii.gz`` or ``.nii``; the side file has the same name with ``.json``
    found : BonesFound
    study : Study that the bones were found in
    picture : ends in ``.png``; beside the map unless given
    overwrite : replace files that are there

    Raises
    ------
    UsageError, OutputExists, OutputNotWritable
        Then no file has changed.
    """
    from marrowlight.report.contact_sheet import contact_sheet
    from marrowlight.report.nifti import FAST, nifti_image_bytes

    files = bones_files(path, picture)
    check_files(files.all, overwrite=overwrite)
    grid = found.bones.grid
    labels = nifti_image_bytes(found.bones.labels, grid, "marrowlight bones by registry")
    if files.image.name.lower().endswith(".gz"):
        labels = gzip.compress(labels, FAST, mtime=0)
    shown = next(s for s in study.series if s.volume.grid.matches(grid))
    contents = {
        files.image: labels,
        files.picture: contact_sheet(shown.volume.voxels, found.bones),
        files.side_file: json_bytes(bones_record(found)),
    }
    write_together(contents, overwrite=overwrite)
    return files
