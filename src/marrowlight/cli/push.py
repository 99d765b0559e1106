"""``marrowlight push``: store documents on a DICOMweb server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from marrowlight.cli import connecting as to
from marrowlight.cli import options as opt
from marrowlight.cli.console import Screen


def command(
    places: Annotated[
        list[Path],
        typer.Argument(
            metavar="OUT...",
            help="Output folders of `marrowlight read` with documents, or DICOM files and folders.",
        ),
    ],
    dicomweb: to.Address,
    ca_file: to.CaFile = None,
    client_cert: to.ClientCert = None,
    client_key: to.ClientKey = None,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
) -> int:
    """Store the documents of readings, or any DICOM files, on a DICOMweb server.

    Example: marrowlight push out --dicomweb https://pacs.example.org/dicom-web

    Of an output folder its documents are stored (`marrowlight export OUT` makes them), of another
    folder every DICOM file. What the server holds already is skipped, so it may be run again.
    Credentials come from the environment: MARROWLIGHT_DICOMWEB_TOKEN, or MARROWLIGHT_DICOMWEB_USER
    and _PASSWORD.
    """
    from marrowlight.network.outgoing import outgoing
    from marrowlight.network.push import push_files

    screen = Screen(quiet=quiet, as_json=as_json)
    server = to.connect(
        screen, dicomweb, ca_file=ca_file, client_cert=client_cert, client_key=client_key
    )
    with screen.progress() as progress:
        progress("look for files")
        files = outgoing(places, server.limits)
        pushed = push_files(server, files, told=lambda done, of: progress(f"push {done}/{of}"))
    screen.result({"files": len(files), "stored": pushed.stored, "held": pushed.held})
    there = f", {pushed.held} were there already" if pushed.held else ""
    screen.say(f"{pushed.stored} files stored{there}.")
    return 0
