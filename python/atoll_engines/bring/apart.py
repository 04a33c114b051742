"""Keeps what other people's code prints, reads and raises apart from the lines that a Python worker exchanges with the platform."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, TextIO

import pandas as pd

from atoll_engines.bring.original import first_line
from atoll_engines.errors import EngineError


def own_streams() -> tuple[TextIO, TextIO]:
    """The worker's standard input and output, which from now on are nobody else's: prints go to the log, reads find nothing."""
    source, sink = os.fdopen(os.dup(0), "r", encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return source, sink


def guarded(told: Callable[[pd.DataFrame], dict[str, Any]]) -> Callable[[pd.DataFrame], dict[str, Any]]:
    """What is told of rows, or why the model's own code could not say it: an error is an answer, not the end."""

    def tell(frame: pd.DataFrame) -> dict[str, Any]:
        try:
            return told(frame)
        except EngineError:
            raise
        except (Exception, SystemExit) as error:
            raise EngineError(f"The model's own code failed: {first_line(error)}") from error

    return tell
