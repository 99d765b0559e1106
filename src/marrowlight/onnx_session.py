"""The one place where onnxruntime is started: few threads, no log, and no telemetry."""

from __future__ import annotations

import os
from typing import Any

THREADS = 2
"""Threads of one network: the figures are promised for two cores."""

TELEMETRY_OFF = "ORT_DISABLE_TELEMETRY"
"""onnxruntime 1.32 writes an id of the machine and of each process into the user's cache, and sends
them to its makers, unless this is set before it is imported."""

EXTERNAL_FOLDER = "session.model_external_initializers_file_folder_path"
"""Where onnxruntime looks for numbers that a model keeps in other files; by itself, where it runs.
Source: onnxruntime_session_options_config_keys.h."""


def onnx_session(model: bytes, *, keep_memory: bool = True) -> Any:
    """An onnxruntime.InferenceSession on the processor, from the bytes of a model.

    keep_memory : keep the memory of one run for the next; only sensible for equal sizes
    """
    os.environ[TELEMETRY_OFF] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # For a program that had imported it before.
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = keep_memory
    options.add_session_config_entry(EXTERNAL_FOLDER, os.devnull)  # No folder: none are loaded.
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
