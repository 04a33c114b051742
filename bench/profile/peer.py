"""Profiles a CSV as fg-data-profiling does with `minimal`, and prints the seconds it took, reading included: python peer.py FILE"""

import sys
import time
import warnings

warnings.filterwarnings("ignore")

import pandas as pd
from data_profiling import ProfileReport

started = time.perf_counter()
report = ProfileReport(pd.read_csv(sys.argv[1]), minimal=True, progress_bar=False)
report.get_description()
print(time.perf_counter() - started)
