"""The report as one self-contained page."""

from __future__ import annotations

from html import escape

from marrowlight.result import ReadResult


def report_html(result: ReadResult) -> str:
    """The report of one reading."""
    return f"<!doctype html><title>Marrowlight</title><p>{escape(result.reading.summary)}</p>"
