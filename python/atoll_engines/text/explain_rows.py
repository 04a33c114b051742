"""What a text network's answer rests on, word by word."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.evaluation.explained import asked_rows, finish, output_of, told
from atoll_engines.neural.attribution import Attribution, Parts, integrated_gradients
from atoll_engines.text.bag import Bag
from atoll_engines.text.bag_graph import HASH
from atoll_engines.text.pipeline import open_package
from atoll_engines.text.transformer import Transformer

# Points of the way that a network is asked for at once.
AT_ONCE = 16


def run(job: Job, report: Report) -> dict[str, Any]:
    """The engine `text.explain`: integrated gradients, from a text that says nothing."""
    package = open_package(job)
    model = package.pipeline.model
    if not isinstance(model, (Bag, Transformer)):
        name = (package.training or {}).get("algorithm", "it")
        raise BadInput(f"The model is no network ({name}), so it has no gradients. LIME explains it, and so do the weights of its terms.")
    if job.parameters.get("overall"):
        raise BadInput("On the whole a text model is told by its terms; gradients are of single texts.", parameter="overall")
    frame = asked_rows(job, package)
    texts = package.pipeline.documents.of(frame)
    predicted = package.pipeline.predict(frame)
    explanations = []
    for place, text in enumerate(texts):
        output = output_of(job, package, predicted[place])
        encoding = encoded(model, str(text))
        if not any(word is not None for word in encoding.word_ids):
            raise BadInput(f"Row {place} holds no word that the model reads.", row=place)
        found = of_bag(model, encoding, output) if isinstance(model, Bag) else of_encoder(model, encoding, output)
        segments = by_word(str(text), encoding, found.parts[0])
        explanations.append(told(package, output, "integrated_gradients", found, kind="words", words=segments))
        report.progress("explain", place + 1, len(texts), None, f"{place + 1} of {len(texts)} texts")
    return finish(job, report, explanations)


def encoded(model: Bag | Transformer, text: str) -> Any:
    model.tokenizer.enable_truncation(int(model.params["max_length"]))
    try:
        return model.tokenizer.encode(text)
    finally:
        model.tokenizer.no_truncation()


def of_encoder(model: Transformer, encoding: Any, output: int | None) -> Attribution:
    """By the vectors of tokens; the baseline has the filling token in the place of each word."""
    network = model.network.float().eval()
    ids = torch.tensor([encoding.ids])
    blank = torch.tensor([[model.pad if word is not None else ident for ident, word in zip(encoding.ids, encoding.word_ids, strict=True)]])
    table = network.get_input_embeddings()
    with torch.no_grad():
        row, baseline = table(ids), table(blank)
    mask = torch.ones_like(ids)

    def answer(parts: Parts) -> torch.Tensor:
        margins = network(inputs_embeds=parts[0], attention_mask=mask.expand(len(parts[0]), -1)).logits
        return of_margins(margins, model, output)

    found = integrated_gradients(answer, (row,), (baseline,), AT_ONCE, most=128)
    return Attribution((found.parts[0].sum(-1),), found.base, found.answer, found.gap, found.points)


def of_bag(model: Bag, encoding: Any, output: int | None) -> Attribution:
    """By the vector of each token; a pair of tokens is shared between the two. The baseline is a text without words."""
    ids = np.array(encoding.ids)
    buckets = int(model.params["pair_buckets"])
    pairs = len(model.embedding) - buckets + (ids[:-1] * HASH + ids[1:]) % buckets if buckets else np.zeros(0, np.int64)
    rows = np.concatenate([model.embedding[ids], model.embedding[pairs]]).astype(np.float64) / (len(ids) + len(pairs))
    weight, bias = torch.from_numpy(model.weight).double(), torch.from_numpy(model.bias).double()
    vectors = torch.from_numpy(rows)[None]

    def answer(parts: Parts) -> torch.Tensor:
        return of_margins(parts[0].sum(1) @ weight + bias, model, output)

    found = integrated_gradients(answer, (vectors,), (torch.zeros_like(vectors),))
    values = found.parts[0].sum(-1)
    tokens = values[: len(ids)].copy()
    halves = values[len(ids) :] / 2
    if len(halves):
        tokens[:-1] += halves
        tokens[1:] += halves
    return Attribution((tokens,), found.base, found.answer, found.gap, found.points)


def of_margins(margins: torch.Tensor, model: Bag | Transformer, output: int | None) -> torch.Tensor:
    if output is None:
        return margins[:, 0] * model.spread + model.middle
    return (torch.sigmoid(margins) if model.setting.task == "multilabel" else torch.softmax(margins, -1))[:, output]


def by_word(text: str, encoding: Any, values: np.ndarray) -> list[dict[str, Any]]:
    """The text in pieces that put together are the text; what the model does not read has no contribution."""
    words: list[list[Any]] = []
    loose = 0.0
    last = None
    for (start, end), word, value in zip(encoding.offsets, encoding.word_ids, values, strict=True):
        if word is None or end <= start:
            loose += float(value)
        elif word == last:
            words[-1][1], words[-1][2] = end, words[-1][2] + float(value)
        else:
            words.append([start, end, float(value)])
        last = word if word is not None and end > start else last
    pieces, at = [], 0
    for start, end, value in words:
        if start > at:
            pieces.append({"text": text[at:start], "contribution": None})
        pieces.append({"text": text[start:end], "contribution": value})
        at = end
    if at < len(text):
        pieces.append({"text": text[at:], "contribution": None})
    if loose:
        pieces.append({"text": "", "contribution": loose})
    return pieces

