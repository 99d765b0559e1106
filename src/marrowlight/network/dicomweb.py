"""A DICOMweb server: search (QIDO-RS), retrieve (WADO-RS), store (STOW-RS).

Searching is dicomweb-client's work. It would parse and write anew every file that it retrieves or
stores; here files pass through byte by byte, and ``study`` parses them, within limits.
Source: DICOM PS3.18.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import requests

from marrowlight.errors import LimitExceeded, MarrowlightError, NotOnServer, ServerRefused
from marrowlight.network.header import JsonHeader
from marrowlight.network.holdings import (
    HeldInstance,
    HeldSeries,
    HeldStudy,
    held_instance,
    held_series,
    held_study,
    readable,
)
from marrowlight.network.outgoing import Outgoing, whole_file
from marrowlight.network.part import checked_dicom, only_part
from marrowlight.network.retry import Patience, persist
from marrowlight.network.server import Server
from marrowlight.network.session import CONNECT_S, SILENCE_S, chunks, open_session
from marrowlight.report.atomic import PRIVATE, TEMP_PREFIX, explained
from marrowlight.study.limits import Limits

PAGE = 500
"""Entries asked for at a time."""

ANY_DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*'
"""Accept: the file as it is stored, whatever its compression."""

SERIES_FIELDS = (
    "SeriesDescription", "BodyPartExamined", "ProtocolName", "Laterality",
    "NumberOfSeriesRelatedInstances",
)  # fmt: skip
STUDY_FIELDS = ("StudyDescription", "ModalitiesInStudy", "IssuerOfPatientID",
                "NumberOfStudyRelatedInstances")  # fmt: skip

_Entry = TypeVar("_Entry", HeldStudy, HeldSeries, HeldInstance)
_Answer = TypeVar("_Answer")


class DicomWeb:
    """Talks to one server.

    Parameters
    ----------
    server : Server
    patience : Patience
        How often to try again, and how long to wait in between.
    limits : Limits
        Most entries of a list (``files``) and bytes of a file (``file_bytes``).
    sleep : callable
        Waits so many seconds.

    Every method raises AccessDenied, NotOnServer, ServerRefused or ServerUnreachable.
    """

    def __init__(
        self,
        server: Server,
        *,
        patience: Patience | None = None,
        limits: Limits | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        from dicomweb_client.api import DICOMwebClient

        _silence_libraries()
        self.url = server.url
        self.limits = limits or Limits()
        self._patience = patience or Patience()
        self._sleep = sleep
        self._session = open_session(server)
        self._client = DICOMwebClient(
            server.url,
            session=self._session,
            permissive_uid=True,
            timeout=(CONNECT_S, SILENCE_S),
        )
        # Which failures are worth another try is decided in one place, ``persist``.
        self._client.set_http_retry_params(retry=False)

    def answers(self) -> bool:
        """Whether the server does what it is asked, at the first try."""
        try:
            persist(
                lambda: self._client.search_for_studies(limit=1),
                url=self.url,
                patience=Patience(attempts=1),
            )
        except MarrowlightError:
            return False
        return True

    def studies(self, filters: Mapping[str, str] | None = None) -> list[HeldStudy]:
        """The studies that match, e.g. ``{"ModalitiesInStudy": "MR"}``."""

        def ask(**page: int) -> Any:
            return self._client.search_for_studies(
                fields=list(STUDY_FIELDS), search_filters=dict(filters or {}), **page
            )

        return self._all(ask, held_study)

    def series(self, study: str) -> list[HeldSeries]:
        """The series of a study; empty if the server does not hold it."""

        def ask(**page: int) -> Any:
            return self._client.search_for_series(study, fields=list(SERIES_FIELDS), **page)

        return self._all(ask, held_series)

    def instances(self, study: str, series: str | None = None) -> list[HeldInstance]:
        """The instances of a study, or of one of its series; empty if there are none."""

        def ask(**page: int) -> Any:
            return self._client.search_for_instances(study, series, **page)

        return self._all(ask, lambda header: held_instance(header, study, series))

    def first_header(self, study: str, series: str) -> JsonHeader:
        """All that the header of one instance of a series says, without pixels."""
        found = self._listed(lambda: self._client.search_for_instances(study, series, limit=1))
        first = readable(found, lambda header: held_instance(header, study, series))
        if not first:
            return JsonHeader({})
        told = self._listed(
            lambda: self._client.retrieve_instance_metadata(study, series, first[0].uid)
        )
        return JsonHeader(told[0] if told else None)

    def fetch(self, instance: HeldInstance, place: Path) -> int:
        """Retrieve an instance into a file that appears whole or not at all; its size in bytes.

        Raises also LimitExceeded beyond ``limits.file_bytes``, OutputNotWritable.
        """
        where = f"studies/{instance.study}/series/{instance.series}/instances/{instance.uid}"
        hidden = place.parent / f"{TEMP_PREFIX}{secrets.token_hex(8)}"
        try:
            size = self._asked(lambda: self._fetched(where, hidden))
            with explained(place.parent):
                hidden.replace(place)
        finally:
            with contextlib.suppress(OSError):
                hidden.unlink()
        return size

    def _fetched(self, where: str, hidden: Path) -> int:
        wait = (CONNECT_S, SILENCE_S)
        with self._session.get(
            f"{self.url}/{where}", headers={"Accept": ANY_DICOM}, stream=True, timeout=wait
        ) as response:
            response.raise_for_status()
            body = chunks(response, self.limits.file_bytes)
            pieces = checked_dicom(only_part(response.headers.get("Content-Type", ""), body))
            with _private(hidden) as file:
                for piece in pieces:
                    # Around the disk alone: what requests raises is an OSError too.
                    with explained(hidden.parent):
                        left = memoryview(piece)
                        while left:
                            left = left[file.write(left) :]
                with explained(hidden.parent):
                    os.fsync(file.fileno())
                return int(file.tell())

    def store(self, document: Outgoing) -> None:
        """Store one DICOM file, byte by byte as it is.

        Raises also LimitExceeded beyond ``limits.file_bytes``, UnreadableFile if it is gone.
        """
        content = whole_file(document.path, self.limits)
        boundary = secrets.token_hex(16)
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n"
        body = b"".join((head.encode(), content, f"\r\n--{boundary}--\r\n".encode()))
        self._asked(lambda: self._stored(document.uid, body, boundary))

    def _stored(self, uid: str, body: bytes, boundary: str) -> None:
        kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
        response = self._session.post(
            f"{self.url}/studies",
            data=body,
            headers={"Content-Type": kind, "Accept": "application/dicom+json"},
            timeout=(CONNECT_S, SILENCE_S),
        )
        told = _told(response)
        if response.status_code != HTTPStatus.CONFLICT or not told.get("FailedSOPSequence"):
            response.raise_for_status()
        taken = [one.text("ReferencedSOPInstanceUID")
                 for one in told.get("ReferencedSOPSequence") or ()]  # fmt: skip
        # A server may answer in XML, or not at all: then whoever stored asks what it holds.
        if told.known and uid not in taken:
            reasons = {one.number("FailureReason") for one in told.get("FailedSOPSequence") or ()}
            codes = ", ".join(f"{code:04X}" for code in sorted(reasons - {None}))
            raise ServerRefused(
                "The server did not store the file"
                + (f" (failure reason {codes}, PS3.18 I.2.2)." if codes else "."),
                where=self.url,
                do="look into the log of the server; it may be full, or not take this kind of file",
            )

    def _asked(self, act: Callable[[], _Answer]) -> _Answer:
        """The answer, after as many tries as it takes and patience lasts."""
        return persist(act, url=self.url, patience=self._patience, sleep=self._sleep)

    def _listed(self, act: Callable[[], Any]) -> list[Any]:
        """The entries that a search answers with."""
        try:
            answer = self._asked(act)
        except (LookupError, TypeError, RecursionError):  # dicomweb-client on odd JSON
            raise ServerRefused(
                "The server answered with something that is no DICOMweb.", where=self.url
            ) from None
        return answer if isinstance(answer, list) else [answer]

    def _all(
        self, ask: Callable[..., Any], make: Callable[[JsonHeader], _Entry | None]
    ) -> list[_Entry]:
        """Page after page, until nothing new comes: servers cut lists short, or repeat them."""
        found: dict[str, _Entry] = {}
        offset = 0
        while True:
            page = self._page(ask, offset)
            new = {one.uid: one for one in readable(page, make) if one.uid not in found}
            found |= new
            if not new:
                return list(found.values())
            if len(found) > self.limits.files:
                raise LimitExceeded(
                    f"The server lists more than {self.limits.files:,} entries.",
                    where=self.url,
                    do="narrow the search",
                )
            offset += len(page)

    def _page(self, ask: Callable[..., Any], offset: int) -> list[Any]:
        try:
            return self._listed(lambda: ask(limit=PAGE, offset=offset))
        except NotOnServer:
            # Some servers answer 404 to a search within a study that they do not hold.
            if offset == 0 and not self.answers():
                raise
            return []


@contextlib.contextmanager
def _private(path: Path) -> Iterator[Any]:
    """A new file that only its owner may read; what an earlier try left there is replaced.

    Without a buffer, so that a full disk is met by a write and not by closing the file.
    """
    with explained(path.parent):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(handle, "wb", buffering=0) as file:
        yield file


def _told(response: requests.Response) -> JsonHeader:
    try:
        return JsonHeader(response.json())
    except (ValueError, RecursionError):
        return JsonHeader(None)


def _silence_libraries() -> None:
    """Keep the log lines of the libraries to themselves: they name UIDs and addresses."""
    for name in ("dicomweb_client", "urllib3", "pydicom"):
        logger = logging.getLogger(name)
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
