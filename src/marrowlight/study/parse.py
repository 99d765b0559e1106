"""The one function that touches untrusted bytes: files in, plain arrays and metadata out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from marrowlight.errors import InputError, LimitExceeded
from marrowlight.study.gather import Item, gather
from marrowlight.study.limits import MIB, Limits
from marrowlight.study.parsed import (
    Found,
    NiftiImage,
    Parsed,
    Sidecar,
    Skipped,
    Slice,
    collect,
    stem,
)

ProgressCall = Callable[[int, int, str], None]
"""Called with (done, total, what)."""

DICOM_NAMES = (".dcm", ".dicom", ".ima")
NIFTI_NAMES = (".nii", ".nii.gz")


def parse(
    paths: Sequence[str | Path],
    limits: Limits | None = None,
    progress: ProgressCall | None = None,
) -> Parsed:
    """Read and decode every file under the paths.

    Parameters
    ----------
    paths : folders, files and zip archives, in any mixture
    limits : Limits, optional
    progress : called with (files done, files in all, "files")

    Returns
    -------
    Parsed
        Plain arrays and metadata: no open file, no DICOM object, no lazy pixels. A file that
        cannot be read is in ``skipped``, with the reason; it never stops the others.

    Raises
    ------
    NoImages
        If a path does not exist.
    LimitExceeded
        If there are too many files, or they decode to too much in all.
    """

    def tell(done: int, total: int, name: str) -> None:
        if progress:
            progress(done, total, "files")

    return collect(parse_each(paths, limits or Limits(), tell if progress else None))


def parse_each(
    paths: Sequence[str | Path], limits: Limits, progress: ProgressCall | None = None
) -> Iterator[Sequence[Found]]:
    """As ``parse``, but what each file gives as soon as it is decoded, so that nothing is kept.

    progress : called with (files begun, files in all, name of the file that will be read next).
    """
    taken = 0
    total = _count(paths) if progress else 0
    # Archives are open only while their members are read: one pass, in order.
    for done, item in enumerate(gather(paths, limits), start=1):
        if progress:
            progress(done, max(total, done), item.name)
        found = _read(item, limits)
        for one in found:
            if isinstance(one, Slice):
                taken += one.pixels.nbytes
            elif isinstance(one, NiftiImage):
                taken += one.voxels.nbytes
            elif isinstance(one, Skipped):
                one.explicit = item.explicit
        if taken > limits.total_bytes:
            raise LimitExceeded(
                f"The images of the input take more than {limits.total_bytes / MIB:.0f} MiB.",
                expected="one study",
                do="name the folder of one study",
            )
        yield found


def _count(paths: Sequence[str | Path]) -> int:
    return sum(sum(1 for _ in p.rglob("*")) if p.is_dir() else 1 for p in map(Path, paths))


def _read(item: Item, limits: Limits) -> Sequence[Found]:
    if item.refused:
        return [Skipped(item.name, item.refused, item.fault)]
    lower = item.name.lower()
    try:
        head = item.head()
        kind = kind_of(head, lower)
        if kind == "dicom":
            from marrowlight.study.dicom_file import read_dicom

            found = read_dicom(item.name, item.read(), limits)
            return [found] if isinstance(found, Skipped) else found
        if kind == "nifti":
            from marrowlight.study.nifti_file import read_nifti

            return [read_nifti(item.name, item.read(), limits)]
        if lower.endswith(".json"):
            from marrowlight.study.nifti_file import SIDECAR_BYTES, read_sidecar

            tags = read_sidecar(item.read()) if item.size <= SIDECAR_BYTES else {}
            return [Sidecar(stem(item.name), tags), Skipped(item.name, "no image (JSON)")]
    except InputError as error:
        return [Skipped(item.name, error.found, type(error).__name__)]
    except (OSError, MemoryError) as error:
        text = f"cannot be read ({type(error).__name__})"
        fault = "LimitExceeded" if isinstance(error, MemoryError) else "UnreadableFile"
        return [Skipped(item.name, text, fault)]
    return [_no_image(item, head, lower)]


def kind_of(head: bytes, lower: str) -> str:
    """ "dicom", "nifti" or empty, by the first bytes of a file and its name in lower case."""
    from marrowlight.study.nifti_file import is_nifti, unpacked_head

    if head[128:132] == b"DICM" or _looks_like_bare_dicom(head):
        return "dicom"
    if is_nifti(head):
        return "nifti"
    if head[:2] == b"\x1f\x8b" and (lower.endswith(".nii.gz") or is_nifti(unpacked_head(head))):
        return "nifti"
    return "nifti" if lower.endswith(NIFTI_NAMES) else ""


def _looks_like_bare_dicom(head: bytes) -> bool:
    """DICOM without its preamble begins with an element of group 0002 or 0008."""
    if len(head) < 12 or head[:2] not in (b"\x02\x00", b"\x08\x00", b"\x00\x08"):
        return False
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    implicit_length = int.from_bytes(head[4:8], "little")
    return explicit or implicit_length <= 256


def _no_image(item: Item, head: bytes, lower: str) -> Skipped:
    if lower.endswith(DICOM_NAMES):
        what = "text" if head and head.isascii() else "something else"
        return Skipped(item.name, f"is called DICOM and holds {what}", "UnreadableFile")
    if head.startswith(b"NRRD"):
        return Skipped(item.name, "NRRD: read as a mask only (--bones), not as an image")
    if lower.endswith((".hdr", ".img")):
        return Skipped(item.name, "a NIfTI or Analyze pair: convert it to one .nii.gz file")
    if lower.endswith(".zip") or head.startswith(b"PK"):
        return Skipped(item.name, "an archive inside an archive is not opened")
    if not head:
        return Skipped(item.name, "is empty", "UnreadableFile" if item.explicit else "")
    ending = PurePosixPath(lower).suffix.lstrip(".")
    return Skipped(item.name, f"no image ({ending or 'unknown kind'})")
