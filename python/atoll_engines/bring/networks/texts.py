"""Networks that read texts: classes of a text, marks in it, and a text as a vector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.bring.networks import folder as files
from atoll_engines.bring.networks.network import CLOSE, Network
from atoll_engines.errors import BadInput
from atoll_engines.text.tokens import batches_by_length, encode, padded

BATCH = 32


class Texts(Network):
    """What reading tokens has in common."""

    tokenizer: Any
    network: Any
    limit: int
    pad: int
    says = ""

    def hold(self, network: Any, folder: Path) -> None:
        self.network = network
        self.tokenizer = files.read_tokens(folder)
        self.limit = files.length_of(folder, network.config)
        self.pad = files.pad_of(network.config, self.tokenizer)
        self.params = files.described(network) | {"maxLength": self.limit}

    def input(self) -> dict[str, Any]:
        return {
            "type": "text", "tensor": "tokens", "index": 0, "nullable": bool(len(self.ids("")[0])), "maxLength": self.limit,
            "pad": self.pad,
            "example": "A text.",
        }  # fmt: skip

    def ids(self, *texts: str) -> list[np.ndarray]:
        return encode(self.tokenizer, list(texts), self.limit)

    def items_of(self, cells: list[Any]) -> list[str]:
        return ["" if cell is None or cell != cell else str(cell) for cell in cells]

    def sent(self, item: str) -> str | None:
        return item or None

    def write_files(self, folder: Path) -> None:
        (folder / "tokenizer.json").write_text(self.tokenizer.to_str(), "utf-8")

    def tensors(self, items: list[str]) -> dict[str, np.ndarray]:
        ids, mask = padded(self.ids(*items), self.pad)
        return {"input_ids": ids, "attention_mask": mask}

    def run(self, items: list[str], width: int, say: Any) -> np.ndarray:
        """What `say` makes of ids and mask, text by text, in batches of about one length."""
        import torch

        rows = self.ids(*items)
        made = np.zeros((len(rows), width))
        with torch.inference_mode():
            for places in batches_by_length(np.array([len(row) for row in rows]), BATCH):
                ids, mask = padded([rows[place] for place in places], self.pad)
                made[places] = say(torch.from_numpy(ids), torch.from_numpy(mask)).double().numpy()
        return made


class TextClasses(Texts):
    """Classes of a text, several of them, or a number."""

    def answer(self, items: list[str]) -> dict[str, np.ndarray]:
        import torch

        def say(ids: Any, mask: Any) -> Any:
            margins = self.network(input_ids=ids, attention_mask=mask).logits
            if self.task == "regression":
                return margins
            return torch.sigmoid(margins) if self.task == "multilabel" else torch.softmax(margins, dim=-1)

        return {self.answer_name: self.run(items, len(self.classes or (0,)), say)}

    def graph(self) -> bytes:
        from atoll_engines.text.encoder_graph import encoder_graph

        return encoder_graph(self.network, self.task, 0.0, 1.0, len(self.classes or (0,)))


def text_classes(folder: Path, column: str) -> TextClasses:
    from transformers import AutoModelForSequenceClassification

    from atoll_engines.bring.package import HALF

    network = files.load_network(AutoModelForSequenceClassification, folder)
    config = network.config
    names = files.class_names(config)
    several = config.problem_type == "multi_label_classification"
    task = "regression" if config.num_labels == 1 else "multilabel" if several else "binary" if len(names) == 2 else "multiclass"
    made = TextClasses(column, task, None if task == "regression" else tuple(names), type(network).__name__, files.library())
    made.threshold = HALF if task == "binary" else None
    made.thresholds = [0.5] * len(names) if task == "multilabel" else None
    made.hold(network, folder)
    return made


class TextMarks(Texts):
    """Marks in a text, word by word."""

    kinds: list[str]

    def input(self) -> dict[str, Any]:
        return super().input() | {"nullable": True, "words": True}

    def outputs(self) -> list[dict[str, Any]]:
        return [{"name": "tags", "width": self.limit}, {"name": "confidence", "width": self.limit}]

    def tensors(self, items: list[str]) -> dict[str, np.ndarray]:
        ids, mask = padded([self.words.of(item)[0] for item in items], self.pad)
        return {"input_ids": ids, "attention_mask": mask}

    @property
    def words(self) -> Any:
        from atoll_engines.text.tagging.words import WordTokens

        if not hasattr(self, "_words"):
            self._words = WordTokens(self.tokenizer, self.limit)
        return self._words

    def answering(self) -> Any:
        """The most probable tag of each token, as the platform numbers tags, and how probable it is."""
        import torch

        table = torch.tensor(tag_numbers(self.kinds, list(self.classes or ())), dtype=torch.float32)
        network, length = self.network, self.limit

        class Answering(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.network = network
                self.register_buffer("table", table)

            def forward(self, input_ids: Any, attention_mask: Any) -> Any:
                margins = self.network(input_ids=input_ids, attention_mask=attention_mask).logits
                surest, best = torch.softmax(margins, dim=-1).max(dim=-1)
                seen = attention_mask.to(surest.dtype)
                rest = torch.zeros((input_ids.shape[0], length), dtype=surest.dtype)
                widened = [torch.cat([one * seen, rest], dim=1)[:, :length] for one in (self.table[best], surest)]
                return widened[0], widened[1]

        return Answering().eval()

    def answer(self, items: list[str]) -> dict[str, np.ndarray]:
        import torch

        served, parts = self.answering(), []
        self._sure = []
        with torch.inference_mode():
            for at in range(0, len(items), BATCH):
                feeds = self.tensors(items[at : at + BATCH])
                ids, mask = torch.from_numpy(feeds["input_ids"]), torch.from_numpy(feeds["attention_mask"])
                tags, surest = served(ids, mask)
                parts.append((tags.double().numpy(), surest.double().numpy()))
                shares = torch.softmax(self.network(input_ids=ids, attention_mask=mask).logits, dim=-1).topk(2, dim=-1).values
                close = ((shares[..., 0] - shares[..., 1]) < CLOSE) & (mask == 1)
                self._sure.append(~close.any(dim=1).numpy())
        return {"tags": np.concatenate([one for one, _ in parts]), "confidence": np.concatenate([one for _, one in parts])}

    def clear(self, answers: dict[str, np.ndarray]) -> np.ndarray:
        return np.concatenate(self._sure)

    def graph(self) -> bytes:
        import torch

        from atoll_engines.onnx_models.torch_graph import torch_graph

        ids = torch.ones((2, 7), dtype=torch.int64)
        mask = torch.ones_like(ids)
        mask[1, 4:] = 0
        size = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
        return torch_graph(
            self.answering(), (ids, mask), inputs=["input_ids", "attention_mask"], outputs=["tags", "confidence"],
            sizes={"input_ids": size, "attention_mask": size},
        )  # fmt: skip


def text_marks(folder: Path, column: str) -> TextMarks:
    from transformers import AutoModelForTokenClassification

    network = files.load_network(AutoModelForTokenClassification, folder)
    kinds = files.class_names(network.config)
    labels = sorted({plain_label(kind) for kind in kinds} - {""})
    if not labels:
        raise BadInput("The network's labels (id2label) mark nothing.", file="config.json")
    made = TextMarks(column, "tokens", tuple(labels), type(network).__name__, files.library())
    made.kinds = kinds
    made.hold(network, folder)
    made.notes.append("Texts are divided into words by the platform's rule, and each word is made into tokens by itself.")
    return made


def plain_label(kind: str) -> str:
    """A tag without its place: "B-PER" is "PER"; nothing for what is outside."""
    if kind.upper() in ("O", "OUTSIDE"):
        return ""
    return kind[2:] if len(kind) > 2 and kind[1] in "-_" and kind[0].upper() in "BILESU" else kind


def tag_numbers(kinds: list[str], labels: list[str]) -> list[float]:
    """Each of the network's tags as the platform numbers them: 0 outside, then begin and inside of each label."""
    numbers = []
    for kind in kinds:
        label = plain_label(kind)
        if not label:
            numbers.append(0.0)
            continue
        begins = kind != label and kind[0].upper() in "BSU"
        # A tag without a place goes on with what was before it, and begins where nothing was.
        numbers.append(float(1 + 2 * labels.index(label) + (0 if begins else 1)))
    return numbers
