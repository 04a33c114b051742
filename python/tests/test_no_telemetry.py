"""Nothing that an engine loads reports to anybody, or leaves an identity in the home folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PYTHON = Path(__file__).resolve().parents[1]


def left_behind(home: Path, code: str, **changes: str) -> list[str]:
    quiet = {"CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "XDG_CACHE_HOME"}
    env = {name: value for name, value in os.environ.items() if name not in quiet}
    env |= {"HOME": str(home), "TMPDIR": str(home), "PYTHONPATH": str(PYTHON)} | changes
    subprocess.run([sys.executable, "-B", "-c", code], env=env, check=True, timeout=120)
    return [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()]


def test_onnx_runtime_keeps_to_itself(tmp_path):
    (tmp_path / "ours").mkdir()
    (tmp_path / "theirs").mkdir()
    assert left_behind(tmp_path / "ours", "import atoll_engines.run, onnxruntime") == []
    # By itself it does leave something: else this test would prove nothing.
    assert left_behind(tmp_path / "theirs", "import onnxruntime") != []
