"""A package of texts into texts, as evaluation and prediction open it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from atoll_engines.contract import Job
from atoll_engines.evaluation.package import package_folders
from atoll_engines.recipes import InputColumn
from atoll_engines.text.documents import Documents
from atoll_engines.text.seq2seq.writer import RewritingWriter, open_writer


@dataclass(frozen=True)
class Rewriting:
    writer: RewritingWriter
    documents: Documents
    target: str


def open_rewriting(job: Job) -> Rewriting:
    native = package_folders(job, "pipeline.json").native
    about = json.loads((native / "pipeline.json").read_text("utf-8"))
    documents = Documents(tuple(InputColumn(name, "text") for name in about["columns"]), about["separator"])
    return Rewriting(open_writer(native), documents, about["target"])
