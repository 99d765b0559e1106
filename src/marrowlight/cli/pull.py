"""``marrowlight pull``: fetch studies from a DICOMweb server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marrowlight.cli import connecting as to
from marrowlight.cli import options as opt
from marrowlight.cli.console import Screen

if TYPE_CHECKING:
    from marrowlight.network.dicomweb import DicomWeb


def command(
    dicomweb: to.Address,
    study: Annotated[
        list[str] | None,
        typer.Option("--study", metavar="UID", help="Study Instance UID. Repeat for more."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the studies.")] = None,
    modality: Annotated[
        list[str] | None,
        typer.Option("--modality", metavar="MR", help="Only series of these. Repeat for more."),
    ] = None,
    list_: Annotated[
        bool,
        typer.Option("--list", help="Show the MR studies of the server, and which would be read."),
    ] = False,
    since: Annotated[
        str,
        typer.Option(metavar="7d", help="With --list: days back, a first date, or 'all'."),
    ] = "7d",
    ca_file: to.CaFile = None,
    client_cert: to.ClientCert = None,
    client_key: to.ClientKey = None,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
) -> int:
    """Fetch studies from a DICOMweb server into a folder.

    Example: marrowlight pull --dicomweb https://pacs.example.org/dicom-web --study 1.2.3 -o exam

    Each file appears whole or not at all; run again after a failure, and what is there is skipped.
    File names are short hashes. --list shows what the server holds. Credentials come from the
    environment: MARROWLIGHT_DICOMWEB_TOKEN, or MARROWLIGHT_DICOMWEB_USER and _PASSWORD.
    """
    from marrowlight.errors import UsageError

    screen = Screen(quiet=quiet, as_json=as_json)
    times = to.parse_since(since)
    if list_ == bool(study) or (study and out is None):
        raise UsageError(
            "Nothing says what to pull." if not list_ else "--list and --study are two things.",
            expected="--study UID -o FOLDER, or --list",
        )
    server = to.connect(
        screen, dicomweb, ca_file=ca_file, client_cert=client_cert, client_key=client_key
    )
    if list_:
        return _list(screen, server, times)
    assert study is not None
    assert out is not None
    return _pull(screen, server, study, out, modality or [])


def _pull(
    screen: Screen, server: DicomWeb, studies: list[str], out: Path, modalities: list[str]
) -> int:
    from marrowlight.errors import UsageError
    from marrowlight.network.holdings import UID
    from marrowlight.network.pull import pull_study

    for uid in studies:
        if not UID.fullmatch(uid):
            raise UsageError(
                "This is no Study Instance UID.", where="--study", expected="digits and dots"
            )
    done: list[dict[str, Any]] = []
    with screen.progress() as progress:
        for number, uid in enumerate(dict.fromkeys(studies), start=1):
            before = f"study {number}/{len(studies)}: " if len(studies) > 1 else ""

            def told(files: int, of: int, before: str = before) -> None:
                progress(f"{before}pull {files}/{of}")

            pulled = pull_study(server, uid, out, modalities=modalities, told=told)
            done.append(
                {"folder": str(pulled.folder), "files": pulled.files, "skipped": pulled.skipped,
                 "bytes": pulled.bytes}
            )  # fmt: skip
    screen.result({"out": str(out), "studies": done})
    for one in done:
        there = f", {one['skipped']} of them were there" if one["skipped"] else ""
        screen.say(f"{one['folder']}: {one['files']} files{there}, {one['bytes'] / 1e6:.1f} MB")
    screen.say(f"Next: marrowlight read {done[0]['folder']} -o reading")
    return 0


def _list(screen: Screen, server: DicomWeb, since: Any) -> int:
    import datetime

    from marrowlight.network.fits import fit_of

    found = []
    with screen.progress() as progress:
        studies = server.studies(since.filters(datetime.datetime.now().astimezone().date()))
        for number, one in enumerate(sorted(studies, key=lambda s: s.date), start=1):
            progress(f"look at study {number}/{len(studies)}")
            series = server.series(one.uid)
            fit = fit_of(
                one.description,
                series,
                lambda uid, study=one.uid: server.first_header(study, uid),  # type: ignore[misc]
            )
            found.append(
                {"study": one.uid, "series": len(series), "files": one.instances,
                 "fits": fit.fits, "reason": fit.reason}
            )  # fmt: skip
    screen.result({"studies": found})
    screen.table(
        f"MR studies on the server ({len(found)})",
        ("study", ">series", ">files", "would be read", "because"),
        [
            (str(f["study"]), str(f["series"]), str(f["files"] or "?"),
             "yes" if f["fits"] else "no", str(f["reason"]))
            for f in found
        ],
    )  # fmt: skip
    if not found:
        screen.say("None. --since all looks further back.")
    return 0
