"""The rows of a job whose target is a text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from atoll_engines.contract import Job
from atoll_engines.sequences.request import Request
from atoll_engines.tabular.data import open_table, read_frame
from atoll_engines.tabular.training_table import refuse_absent


def read_rows(job: Job, request: Request, columns: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """The columns, the target and what divides the rows, of both channels; and which channel each row is of."""
    frames, channels = [], []
    for channel in ("train", "validation"):
        if not job.has_channel(channel):
            continue
        table = open_table(job.channel(channel))
        dividing = [name for name in (request.group_column, request.time_column) if name]
        for name, role in ((request.target, "target"), *((one, "dividing") for one in dividing)):
            refuse_absent(table, name, role)
        frame = read_frame(table, list(dict.fromkeys([*columns, request.target, *dividing])))
        frames.append(frame)
        channels += [channel] * len(frame)
    return pd.concat(frames), np.array(channels)
