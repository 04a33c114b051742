"""A brought network answers from Python, where its graph could not be proven."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd

from atoll_engines.bring.apart import guarded, own_streams
from atoll_engines.bring.networks.bringing import open_network
from atoll_engines.bring.request import source_path
from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.evaluation.answer import serve
from atoll_engines.evaluation.package import package_folders


def predict(job: Job, report: Report) -> None:
    """`bring.predict` for networks: rows line by line."""
    if not job.parameters.get("serve"):
        raise BadInput("Networks that were imported answer rows one by one; a file of rows is asked of their endpoint or of a transform.")
    folders = package_folders(job, "bring.json")
    about = json.loads((folders.native / "bring.json").read_text("utf-8"))
    source, sink = own_streams()
    network = open_network(source_path(folders.native / "source", about["file"]), about["column"], about["kind"], about)
    if about.get("classes"):
        network.classes = tuple(about["classes"]) if about["kind"] != "tokens" else network.classes
    name, outputs = network.answer_name, network.outputs()

    def told(frame: pd.DataFrame) -> dict[str, Any]:
        if not len(frame):
            return {"outputs": {}}
        said = network.answer(network.items_of(frame[network.column].tolist()))
        if outputs:
            return {"outputs": {each: values.tolist() for each, values in said.items()}}
        values = said[name]
        return {"predictions": values[:, 0].tolist()} if name == "prediction" else {"probabilities": np.asarray(values).tolist()}

    report.log("Serving rows from standard input.")
    serve(network.inputs, guarded(told), source, sink)
