"""From the words of the command line to a DICOMweb server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from marrowlight.cli.console import Screen
    from marrowlight.network.dicomweb import DicomWeb
    from marrowlight.network.finding import Since
    from marrowlight.network.retry import Patience

Address = Annotated[
    str,
    typer.Option(
        "--dicomweb",
        metavar="URL",
        help="Root of DICOMweb on the server, e.g. https://pacs.example.org/dicom-web. Credentials "
        "come from MARROWLIGHT_DICOMWEB_TOKEN, or _USER and _PASSWORD, in the environment.",
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca-file", metavar="PEM", help="Certificate authorities to trust, e.g. the hospital's."
    ),
]
ClientCert = Annotated[
    Path | None, typer.Option("--client-cert", metavar="PEM", help="Certificate of ours to show.")
]
ClientKey = Annotated[
    Path | None, typer.Option("--client-key", metavar="PEM", help="Its key, if in another file.")
]


def connect(
    screen: Screen,
    url: str,
    *,
    ca_file: Path | None,
    client_cert: Path | None,
    client_key: Path | None,
    patience: Patience | None = None,
) -> DicomWeb:
    """A server to talk to; nothing is sent yet. Raises UsageError."""
    import os

    from marrowlight.network.dicomweb import DicomWeb
    from marrowlight.network.server import server_at

    server = server_at(
        url, os.environ, ca_file=ca_file, client_cert=client_cert, client_key=client_key
    )
    if server.in_the_clear:
        screen.warn(["The address is plain http: everyone on the way can read the images."])
    return DicomWeb(server, patience=patience)


def parse_since(text: str) -> Since:
    """``"7d"``, ``"2026-11-01"`` or ``"all"``; raises UsageError."""
    import datetime

    from marrowlight.errors import UsageError
    from marrowlight.network.finding import Since

    if text == "all":
        return Since()
    if text.endswith("d") and text[:-1].isdecimal() and len(text) <= 6:
        return Since(days=int(text[:-1]))
    try:
        return Since(date=datetime.date.fromisoformat(text))
    except ValueError:
        raise UsageError(
            f"{text!r} is no time to look back to.",
            where="--since",
            expected="days as 7d, a date as 2026-11-01, or all",
        ) from None
