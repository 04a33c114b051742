"""Logging from a plain script that runs as a job: `import atoll; atoll.log(loss=0.31, step=3)`.

Run outside a job, the calls do nothing but check their arguments, so the same script runs anywhere.
"""

from __future__ import annotations

import json
import math
import os
import time
from datetime import UTC, datetime
from numbers import Real
from typing import Any

__all__ = ["log", "param", "progress", "seed", "warn"]

_started = time.monotonic()


def log(step: int = 0, **metrics: float) -> None:
    """Values of metrics at a step; each name becomes a series of the run."""
    for name, value in metrics.items():
        if not isinstance(value, Real):
            raise TypeError(f'The metric "{name}" must be a number, not {type(value).__name__}.')
        _event("metric", name=name, value=_finite(float(value)), step=int(step))


def param(**parameters: Any) -> None:
    """Settings worth keeping with the run."""
    _event("param", parameters={name: value for name, value in parameters.items() if _is_plain(value)})


def progress(done: float, of: float, message: str = "") -> None:
    """How far the script is; the time left follows from it."""
    spent = time.monotonic() - _started
    left = None if done <= 0 else spent / done * (of - done)
    _event("progress", stage="script", done=done, of=of, etaSeconds=left, message=message)


def warn(message: str, **facts: Any) -> None:
    """Something that whoever reads the run should know."""
    _event("warning", code="script", message=message, facts=facts)


def seed() -> int:
    """The seed of the job, so that the same job gives the same model; 0 outside a job."""
    return int(os.environ.get("ATOLL_SEED", "0"))


def _event(type: str, **fields: Any) -> None:
    path = os.environ.get("ATOLL_EVENTS")
    at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = json.dumps({"type": type, "at": at, **fields}, default=str) + "\n"
    if not path:
        return
    # One write of one line: lines of several processes do not mix.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def _finite(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool, list, dict))
