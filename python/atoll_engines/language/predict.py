"""Answers in Python: a file of prompts, or prompts line by line for a model that has no GGUF."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.evaluation.answer import answer_with
from atoll_engines.language.generate import continued
from atoll_engines.language.records import either
from atoll_engines.language.trained import Trained, open_trained
from atoll_engines.recipes import InputColumn


def run(job: Job, report: Report) -> dict[str, Any] | None:
    """The engine `language.predict`."""
    trained = open_trained(job.channel("model"), job.threads)
    inputs = [InputColumn("messages" if trained.signature["generation"]["chat"] else "prompt", "text")]

    def texts(frame: pd.DataFrame) -> list[str]:
        return [answer(trained, cell, row) for row, cell in zip(frame.index, frame[inputs[0].name], strict=True)]

    return answer_with(job, report, inputs, lambda frame: {"text": texts(frame)}, lambda frame: {"outputs": {"text": texts(frame)}})


def answer(trained: Trained, cell: Any, row: int) -> str:
    """The continuation of a prompt, or the answer to a chat."""
    if isinstance(cell, list):
        cell = json.dumps(cell)
    if not isinstance(cell, str) or not cell:
        raise BadInput(f"Row {row} has no prompt.", row=row)
    prompt = either(cell, row, "messages") if trained.signature["generation"]["chat"] else cell
    if trained.signature["generation"]["chat"] and isinstance(prompt, str):
        prompt = ({"role": "user", "content": prompt},)
    tokens, about = trained.encoder.tokens, trained.signature["generation"]
    ids = trained.encoder.prompt(prompt, row)
    return tokens.text(continued(trained.network, [ids], tokens.ends, int(about["maxNewTokens"]), trained.encoder.limit)[0].ids)
