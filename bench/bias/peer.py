"""fairlearn's MetricFrame on a CSV of labels, predictions and facets: python peer.py FILE FACET …

Prints the seconds (reading, the start of Python and the imports not counted), then the rates of each group as JSON, so that both sides can be seen to agree.
"""

import json
import sys
import time

import pandas as pd
from fairlearn.metrics import MetricFrame, count, selection_rate, true_negative_rate, true_positive_rate
from sklearn.metrics import accuracy_score, precision_score

file, *facets = sys.argv[1:]
table = pd.read_csv(file)
metrics = {
    "rows": count,
    "predicted": selection_rate,
    "recall": true_positive_rate,
    "specificity": true_negative_rate,
    "accuracy": accuracy_score,
    "acceptance": precision_score,
}
started = time.perf_counter()
frames = {
    facet: MetricFrame(metrics=metrics, y_true=table["actual"], y_pred=table["predicted"], sensitive_features=table[facet])
    for facet in facets
}
found = {facet: frame.by_group.to_dict(orient="index") for facet, frame in frames.items()}
print(time.perf_counter() - started)
print(json.dumps(found))
