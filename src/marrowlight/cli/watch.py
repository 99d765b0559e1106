"""``marrowlight watch``: a service that reads what arrives on a DICOMweb server."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from marrowlight.cli import connecting as to
from marrowlight.cli import options as opt
from marrowlight.cli.console import Screen


def command(
    dicomweb: to.Address,
    state: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Folder of the service: its journal and its readings. Private."
        ),
    ],
    every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="Between two searches.")
    ] = 60.0,
    settle: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, help="How long a study must have stopped growing to be read."
        ),
    ] = 120.0,
    since: Annotated[
        str, typer.Option(metavar="7d", help="Studies looked at: days back, a date, or 'all'.")
    ] = "7d",
    once: Annotated[
        bool, typer.Option("--once", help="End when nothing is left to do now.")
    ] = False,
    health: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65535, help="Tell on 127.0.0.1:PORT how it goes."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Studies read at a time.")] = 1,
    time_limit: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, help="Most that one study may take.")
    ] = 1800.0,
    memory_limit: Annotated[
        float, typer.Option(metavar="GIB", min=1, help="Most address space for one study.")
    ] = 16.0,
    keep_images: Annotated[
        bool, typer.Option("--keep-images", help="Leave the images in the state folder.")
    ] = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Log one JSON object a line.")
    ] = False,
    ca_file: to.CaFile = None,
    client_cert: to.ClientCert = None,
    client_key: to.ClientKey = None,
    quiet: opt.Quiet = False,
    as_json: opt.Json = False,
) -> int:
    """Read new studies on a DICOMweb server by itself, and store the documents back.

    Example: marrowlight watch --dicomweb https://pacs.example.org/dicom-web --state /var/lib/ml

    Takes MR studies of a hip, knee, ankle or sacroiliac joint with a fluid-sensitive series, once
    they have stopped growing, and stores SEG, SR and PDF in them: each study once, whatever is
    killed when. A later visit of a patient is compared with the earlier ones. Logs go to standard
    error and name studies by short job names only. Ends cleanly on SIGTERM and Ctrl-C.
    """
    from marrowlight.network.health import health_at
    from marrowlight.network.journal import Journal
    from marrowlight.network.lock import OnlyOne
    from marrowlight.network.log import open_log
    from marrowlight.network.retry import Patience
    from marrowlight.network.service import Service, Settings
    from marrowlight.network.worker import WorkLimits
    from marrowlight.study.limits import GIB

    screen = Screen(quiet=quiet, as_json=as_json)
    settings = Settings(
        every_s=every,
        settle_s=settle,
        since=to.parse_since(since),
        workers=workers,
        limits=WorkLimits(int(memory_limit * GIB), time_limit),
        keep_images=keep_images,
        once=once,
    )
    # The service itself waits for a server that is away; a request is given up sooner.
    server = to.connect(
        screen,
        dicomweb,
        ca_file=ca_file,
        client_cert=client_cert,
        client_key=client_key,
        patience=Patience(attempts=3, most_s=5.0),
    )
    log = open_log(as_json=log_json, quiet=quiet or as_json)
    with contextlib.ExitStack() as around:
        around.enter_context(_private_and_stoppable())
        _prepare(state)
        around.enter_context(OnlyOne(state))
        journal = around.enter_context(contextlib.closing(Journal(state)))
        service = Service(server, journal, state, settings, log)
        if health is not None:
            port = around.enter_context(health_at(health, lambda: service.health))
            log.info("health on http://127.0.0.1:%d/health", port)
        log.info("watching %s", settings.since.words)
        try:
            service.run()
        except KeyboardInterrupt:
            log.info("stopped; what was begun goes on at the next start")
        counts = journal.counts()
    screen.result({"studies": counts})
    if once:
        screen.say(", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts.items()))
    return 0


def _prepare(state: Path) -> None:
    """Make the state folder; raises UsageError if it is one that holds other things."""
    from marrowlight.errors import UsageError
    from marrowlight.network.journal import NAME
    from marrowlight.network.lock import NAME as LOCK
    from marrowlight.report.atomic import explained, require_folder

    require_folder(state)
    with explained(state):
        state.mkdir(parents=True, exist_ok=True)
        names = {one.name for one in state.iterdir()}
    other = NAME not in names and names - {LOCK}
    if other:
        raise UsageError(
            "The state folder holds other things, and no journal.",
            where="--state",
            expected="an empty or new folder, or that of an earlier watch",
            do="name a folder of its own for the service",
        )


@contextlib.contextmanager
def _private_and_stoppable() -> Iterator[None]:
    """Within it, what is written is its owner's only, and SIGTERM is as good as Ctrl-C."""
    mask = os.umask(0o077)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        os.umask(mask)
