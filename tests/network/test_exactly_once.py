"""Twenty studies, the service killed and the server stopped at random: each exactly once."""

from __future__ import annotations

import pytest

from benchmarks.exactly_once import exactly_once, table
from benchmarks.pacs_studies import FITS


@pytest.mark.slow
@pytest.mark.usefixtures("_server_can_run")
def test_each_study_has_exactly_one_seg_sr_and_pdf_whatever_is_killed(tmp_path):
    outcome = exactly_once(tmp_path, studies=20, kills=6, stops=2, seed=20)
    print("\n".join(table(outcome)))
    assert outcome.wrong() == []
    assert sum(one.becomes == FITS for one in outcome.studies) == 16
    assert outcome.compared == 2
    assert outcome.events[-1].what == "SIGTERM, exit code 0"
    log = "\n".join(outcome.lines)
    assert "Traceback" not in log
    for one in outcome.studies:
        for word in (one.uid, f"{one.patient}-4711", f"Doe^{one.patient}", "2020"):
            assert word not in log
