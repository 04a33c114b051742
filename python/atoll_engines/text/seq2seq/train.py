"""Training of texts into texts: summaries, translations, normalised forms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.sequences.request import read_request
from atoll_engines.sequences.rows import read_rows
from atoll_engines.sequences.training import Material, Subject, Training
from atoll_engines.tabular.data import open_table
from atoll_engines.text.documents import chosen_documents
from atoll_engines.text.seq2seq import writer as rewriting
from atoll_engines.text.seq2seq.algorithms import FROM_SCRATCH, REWRITING
from atoll_engines.text.seq2seq.options import check_options
from atoll_engines.text.weights import weights_folder


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `text.train` for the task `seq2seq`."""
    request = read_request(job, "seq2seq", REWRITING)
    fixed, weights = check_options(request.options), weights_folder(job)
    given = ((job.parameters.get("search") or {}).get("space") or {}).get(request.algorithm.name) or {}
    own = {name: value for name, value in given.items() if not isinstance(value, dict)}
    request = replace(request, params=request.params | (FROM_SCRATCH if weights is None else {}) | own | fixed)
    documents = chosen_documents(open_table(job.channel("train")).columns, request.target, request.options)
    frame, channels = read_rows(job, request, [one.name for one in documents.inputs])
    items = documents.of(frame)
    whole = np.array(
        [
            bool(item.strip()) and isinstance(text, str) and bool(text.strip())
            for item, text in zip(items, frame[request.target], strict=True)
        ]
    )
    if not whole.any():
        raise BadInput(f'No row has both a text to read and a text in "{request.target}".', column=request.target)
    if not whole.all():
        row = int(frame.index[np.flatnonzero(~whole)[0]])
        report.warning(
            "empty_documents", f"{int((~whole).sum())} rows lack a text on one side and are left out, the first is row {row}.",
            rows=int((~whole).sum()), row=row,
        )  # fmt: skip
    frame = frame[whole]
    material = Material(
        items[whole].tolist(),
        [text.strip() for text in frame[request.target]],
        frame.index.to_numpy(),
        channels[whole] == "validation",
        frame,
    )
    prefix = request.options.get("prefix") or ""

    def begin(rows: Material, params: dict[str, Any]) -> rewriting.RewritingWriter:
        if weights is not None:
            return rewriting.from_weights(weights, params, prefix)
        return rewriting.from_scratch(rows.items, rows.texts, params, job.seed, prefix)

    def inputs(made: rewriting.RewritingWriter) -> list[dict[str, Any]]:
        several = {"separator": documents.separator} if len(documents.inputs) > 1 else {}
        example = next((item for item in material.items if len(item) <= 400), None)
        return [
            {"name": one.name, "index": place, "example": example if place == 0 else None} | made.signature_part() | several
            for place, one in enumerate(documents.inputs)
        ]

    subject = Subject(
        begin=begin, inputs=inputs, decoding=lambda made: {},
        # Leaving a text as it is comes for nothing, and is hard to beat where little has to change.
        baseline=lambda fitted, held: list(held.items),
        kept={"columns": [one.name for one in documents.inputs], "separator": documents.separator}, where="texts",
    )  # fmt: skip
    return Training(job, report, request, subject, material).run()
