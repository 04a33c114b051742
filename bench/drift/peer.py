"""Evidently's drift preset at its defaults on two Parquet files: python peer.py REFERENCE CURRENT

Prints the seconds (reading, the start of Python and the imports not counted), then the names of the columns that drifted as JSON.
"""

import json
import sys
import time

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

reference, current = (pd.read_parquet(file).drop(columns="__row") for file in sys.argv[1:])
started = time.perf_counter()
found = Report([DataDriftPreset()]).run(reference_data=reference, current_data=current).dict()
seconds = time.perf_counter() - started
drifted = []
for metric in found["metrics"]:
    config = metric["config"]
    # With so many rows the preset takes distances, which alarm from their threshold on.
    if "distance" in config.get("method", "") and metric["value"] >= config["threshold"]:
        drifted.append(config["column"])
print(seconds)
print(json.dumps(sorted(drifted)))
