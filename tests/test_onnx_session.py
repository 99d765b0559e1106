"""onnxruntime runs without writing or sending anything about the machine."""

import os
import subprocess
import sys
from pathlib import Path

import marrowlight

WEIGHTS = Path(marrowlight.__file__).parent / "edema" / "weights" / "edema_with_t1.onnx"


def test_a_session_leaves_no_trace_of_the_machine(tmp_path):
    code = (
        "from pathlib import Path\n"
        "from marrowlight.onnx_session import onnx_session\n"
        f"onnx_session(Path({str(WEIGHTS)!r}).read_bytes())\n"
    )
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    env = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", code], check=True, env={**env, **home})
    assert list(tmp_path.rglob("*")) == []


def test_no_other_module_starts_onnxruntime():
    package = Path(marrowlight.__file__).parent
    own = package / "onnx_session.py"
    wrong = [
        p.name for p in package.rglob("*.py") if p != own and "import onnxruntime" in p.read_text()
    ]
    assert wrong == []
