"""One DICOM file: bytes in, de-identified and checked bytes out."""

from __future__ import annotations

import math
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from marrowlight.errors import InputError, UnreadableFile
from marrowlight.privacy.cautions import cautions_of, shows_text
from marrowlight.privacy.clean import clean, remember
from marrowlight.privacy.options import Options
from marrowlight.privacy.secret import Secret
from marrowlight.privacy.traces import Path, Traces
from marrowlight.study.dicom_file import dataset_of, no_image
from marrowlight.study.dicom_tags import header_tags
from marrowlight.study.limits import Limits
from marrowlight.study.quiet import dicom_faults, quiet_parsers

SCREENS = ("secondary capture (a screenshot)", "a colour picture (a screenshot or a map)")
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
IMPLICIT_LITTLE = "1.2.840.10008.1.2"


@dataclass(frozen=True)
class Instance:
    """A de-identified object.

    content : the file; patient, study, series : as they are in it
    counts : elements kept, changed, removed; scrubbed : elements emptied because an identifying
    value stood in them that no rule had removed; cautions : codes of ``cautions``; words : what is
    masked in messages
    """

    content: bytes = field(repr=False)
    patient: str
    study: str
    series: str
    counts: Counter[str]
    scrubbed: int
    cautions: tuple[str, ...]
    words: frozenset[str] = field(repr=False)


@dataclass(frozen=True)
class LeftOut:
    """An object that is not written.

    fault : whether it is damaged or could not be cleaned, rather than out of scope
    words : names and ids in it, to be masked in messages
    """

    reason: str
    fault: bool = False
    words: frozenset[str] = field(default=frozenset(), repr=False)


def deidentify_bytes(
    data: bytes, secret: Secret, options: Options, limits: Limits
) -> Instance | LeftOut:
    """De-identify one DICOM file.

    Parameters
    ----------
    data : all bytes of the file
    secret, options, limits

    Returns
    -------
    Instance, or LeftOut with the reason. Pixels and transfer syntax of an Instance are those of the
    original, byte for byte; it was parsed again and none of the identifying values of the original
    was found in it.
    """
    dataset = None
    with quiet_parsers():
        try:
            dataset = dataset_of(data, limits)
            return _deidentify(dataset, secret, options, limits)
        except InputError as error:
            reason = error.found
        except (RecursionError, MemoryError) as error:
            what = "nested too deeply" if isinstance(error, RecursionError) else "too large"
            reason = f"is {what} to be read"
        except dicom_faults() as error:
            reason = f"cannot be read as DICOM ({type(error).__name__})"
        return LeftOut(reason, fault=True, words=_words_of(dataset))


def _words_of(dataset: Any) -> frozenset[str]:
    """What a damaged file tells of its patient, so that its name can be masked."""
    traces = Traces()
    if dataset is not None:
        with suppress(*dicom_faults(), RecursionError):
            remember(dataset, traces)
    return traces.masks


def _deidentify(
    dataset: Any, secret: Secret, options: Options, limits: Limits
) -> Instance | LeftOut:
    if reason := _out_of_scope(dataset, options):
        return LeftOut(reason)
    _check_whole(dataset)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        if not dataset.get(keyword):
            raise UnreadableFile(f"has no {keyword}, so nothing can be kept together")
    pixels = _pixel_bytes(dataset)
    done = clean(dataset, secret, options)
    content = _written(dataset)
    again = dataset_of(content, limits)
    suspects = set(done.traces.found_in(again))
    left = bool(suspects)
    if suspects:
        for path in suspects:
            _empty(dataset, path)
        content = _written(dataset)
        again = dataset_of(content, limits)
        left = bool(done.traces.found_in(again))
    if left:
        return LeftOut(
            "still held an identifying value after it was cleaned, and was not kept",
            fault=True,
            words=done.traces.masks,
        )
    if _pixel_bytes(again) != pixels:
        raise UnreadableFile("could not be written with the same pixels")
    return Instance(
        content=content,
        patient=done.patient,
        study=str(again.StudyInstanceUID),
        series=str(again.SeriesInstanceUID),
        counts=done.counts,
        scrubbed=len(suspects),
        cautions=tuple(cautions_of(again, overlays=done.overlays, named=done.named)),
        words=done.traces.masks,
    )


def _out_of_scope(dataset: Any, options: Options) -> str:
    """Why an object is left out though it is sound; empty if it is not."""
    if "SOPClassUID" not in dataset:
        return "no image (unknown kind)"
    text = shows_text(dataset)
    reason = no_image(header_tags(dataset))
    if options.burned_in and (text or reason in SCREENS):
        # A screenshot is an image, if one that must be looked at; a report or a PDF is none.
        return "" if not reason or reason in SCREENS else reason
    return reason or text


def _check_whole(dataset: Any) -> None:
    """Raise UnreadableFile if the pixels are not all there, so that no half image is passed on."""
    found = _pixel_bytes(dataset)
    if not found:
        raise UnreadableFile("is cut off: it holds no pixels")
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is not None and syntax.is_encapsulated:
        return
    bits = int(dataset.get("BitsAllocated") or 0)
    keys = ("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames")
    samples = math.prod(int(dataset.get(key) or 1) for key in keys)
    if len(found[0]) < samples * bits // 8:
        raise UnreadableFile(
            f"is cut off: {len(found[0])} of {samples * bits // 8} bytes of pixels are there"
        )


def _pixel_bytes(dataset: Any) -> list[bytes]:
    raw = [dataset.get_item(keyword) for keyword in PIXELS if keyword in dataset]
    return [bytes(one.value or b"") for one in raw]


def _written(dataset: Any) -> bytes:
    """A DICOM file with an empty preamble and a file header of our own."""
    from pydicom.dataset import FileMetaDataset

    syntax = dataset.file_meta.get("TransferSyntaxUID") or IMPLICIT_LITTLE
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.ImplementationVersionName = "MARROWLIGHT"
    dataset.file_meta = meta
    dataset.preamble = b"\0" * 128
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _empty(dataset: Any, path: Path) -> None:
    """Take the value out of an element, wherever it is nested."""
    item = dataset
    for tag, number in zip(path[:-1:2], path[1::2], strict=True):
        item = item[tag].value[number]
    element = item[path[-1]]
    if element.tag.is_private:
        del item[path[-1]]
    else:
        element.value = "" if element.VR not in ("OB", "OW", "UN") else b""
