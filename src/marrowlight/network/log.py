"""Log lines of the service: when, how grave, which job, what. Never whose study it is."""

from __future__ import annotations

import datetime
import json
import logging
import sys
from collections.abc import MutableMapping
from typing import Any

NAME = "marrowlight.watch"


class JobLog(logging.LoggerAdapter[logging.Logger]):
    """Names the job in each line: ``log.info("pulled", job="3f2a9c")``."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {"job": kwargs.pop("job", None)}
        return msg, kwargs


def open_log(*, as_json: bool, quiet: bool) -> JobLog:
    """A log on standard error. quiet : warnings and errors only."""
    logger = logging.getLogger(NAME)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if as_json else _Plain())
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
    return JobLog(logger)


def _when(record: logging.LogRecord) -> str:
    moment = datetime.datetime.fromtimestamp(record.created).astimezone()
    return moment.isoformat(timespec="seconds")


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        job = getattr(record, "job", None)
        which = f"job {job}: " if job else ""
        return f"{_when(record)} {record.levelname:<7} {which}{record.getMessage()}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {"at": _when(record), "level": record.levelname.lower()}
        if job := getattr(record, "job", None):
            line["job"] = job
        line["text"] = record.getMessage()
        return json.dumps(line, ensure_ascii=False)
