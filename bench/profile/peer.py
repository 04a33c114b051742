"""What Python tools take for a CSV, reading included: python peer.py FILE describe | minimal | default

The last two are modes of fg-data-profiling. Prints the seconds; the start of Python and the imports are not counted.
"""

import sys
import time
import warnings

warnings.filterwarnings("ignore")

import pandas as pd
from data_profiling import ProfileReport

file, mode = sys.argv[1:]
started = time.perf_counter()
table = pd.read_csv(file)
if mode == "describe":
    table.describe(include="all")
else:
    ProfileReport(table, minimal=mode == "minimal", progress_bar=False).get_description()
print(time.perf_counter() - started)
