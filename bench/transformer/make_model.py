"""A MiniLM-L6-shaped encoder of random numbers, with a last layer that has learned, exported as the text engine exports it, in float32 and int8.

`make_model.py FOLDER TEXTS` leaves `fp32/` and `int8/` (packages as serving takes them), `network/` for torch itself, texts to ask, their
lengths in tokens, labels and answers.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification

from atoll_engines.compression.schemes import quantised
from atoll_engines.text.encoder_graph import encoder_graph
from atoll_engines.text.tokens import batches_by_length, encode, padded

LAYERS, WIDTH, HEADS, INNER, WORDS, LONGEST = 6, 384, 12, 1536, 30_522, 256
NAMES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CLASSES = ["no", "yes"]
LEARNED, SEED = 300, 7


def main(folder: Path, asked: int) -> None:
    torch.manual_seed(SEED)
    torch.set_num_threads(2)
    random = np.random.default_rng(SEED)
    tokenizer, words = make_tokenizer(random)
    texts, labels = make_texts(random, words, LEARNED + asked)
    rows = encode(tokenizer, texts, LONGEST)
    sides = np.zeros(WORDS)
    for place, word in enumerate(words):
        sides[tokenizer.token_to_id(word)] = 2 * (place % 2) - 1
    network = make_network(rows[:LEARNED], labels[:LEARNED], sides)
    graph = encoder_graph(network, "binary", 0.0, 1.0, 2)
    write(folder / "fp32", graph, tokenizer, None)
    made = quantised(graph, "int8_dynamic", [])
    write(folder / "int8", made.graph, tokenizer, 1 if made.is_batch_dependent else None)
    network.save_pretrained(folder / "network")
    (folder / "texts.json").write_text(json.dumps(texts[LEARNED:]))
    (folder / "labels.json").write_text(json.dumps(labels[LEARNED:].tolist()))
    (folder / "lengths.json").write_text(json.dumps([len(row) for row in rows[LEARNED:]]))
    (folder / "ids.json").write_text(json.dumps([row.tolist() for row in rows[LEARNED:]]))
    for name in ("fp32", "int8"):
        (folder / name / "expected.json").write_text(json.dumps(answers(folder / name, rows[LEARNED:]).tolist()))


def make_tokenizer(random: np.random.Generator) -> tuple[Tokenizer, list[str]]:
    """A WordPiece tokenizer over invented words, as large as BERT's."""
    signs = "abcdefghijklmnopqrstuvwxyz"
    syllables = [f"{a}{b}" for a in "bcdfghjklmnprstvwz" for b in "aeiou"]
    pieces = [*NAMES, *signs, *(f"##{one}" for one in signs), *(f"##{one}" for one in syllables), ",", ".", "?"]
    words: dict[str, None] = {}
    while len(words) + len(pieces) < WORDS:
        words["".join(random.choice(syllables, random.integers(1, 5)))] = None
    vocabulary = {piece: place for place, piece in enumerate([*pieces, *words])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(NAMES)
    special = [(one, tokenizer.token_to_id(one)) for one in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=special)
    return tokenizer, list(words)


def make_texts(random: np.random.Generator, words: list[str], count: int) -> tuple[list[str], np.ndarray]:
    """Texts of 16 to 256 tokens, lognormal, of words as frequent as Zipf has them; one word in twenty is not in the vocabulary. Their label: of
    which half of the vocabulary they have more."""
    chance = 1 / np.arange(20, len(words) + 20)
    chance /= chance.sum()
    texts, labels = [], np.empty(count, dtype=np.int64)
    for k in range(count):
        length = int(np.clip(random.lognormal(np.log(56), 0.6), 16, LONGEST)) - 2
        side = 0.5 + random.choice([-0.12, 0.12])
        drawn = random.choice(len(words), length, p=chance)
        # A word and its neighbour stand on either side.
        drawn = np.minimum(drawn // 2 * 2 + (random.random(length) < side), len(words) - 1)
        told = [words[one] for one in drawn]
        for place in np.flatnonzero(random.random(length) < 0.05):
            told[place] += random.choice(list("xq"))
        for place in np.flatnonzero(random.random(length) < 0.08):
            told[place] += random.choice([",", "."])
        texts.append(" ".join(told).capitalize())
        labels[k] = int(2 * (drawn % 2).sum() > length)
    return texts, labels


def make_network(rows: list[np.ndarray], labels: np.ndarray, sides: np.ndarray) -> BertForSequenceClassification:
    """The encoder as it is begun, but that its words know their side, as trained ones would; the last layer is a ridge regression."""
    config = BertConfig(
        vocab_size=WORDS, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=INNER,
        max_position_embeddings=512, num_labels=2, attn_implementation="eager", initializer_range=0.04,
    )  # fmt: skip
    network = BertForSequenceClassification(config).eval()
    with torch.no_grad():
        direction = 0.04 * torch.randn(WIDTH)
        network.bert.embeddings.word_embeddings.weight += torch.from_numpy(sides).float()[:, None] * direction
    pooled = np.empty((len(rows), WIDTH))
    with torch.inference_mode():
        for places in batches_by_length(np.array([len(row) for row in rows]), 32):
            ids, mask = padded([rows[place] for place in places], 0)
            said = network.bert(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).pooler_output
            pooled[places] = said.numpy()
    middle, spread = pooled.mean(0), pooled.std(0) + 1e-6
    x, y = (pooled - middle) / spread, 2.0 * labels - 1
    slope = np.linalg.solve(x.T @ x + 100 * np.eye(WIDTH), x.T @ (y - y.mean())) / spread
    offset = y.mean() - middle @ slope
    with torch.no_grad():
        network.classifier.weight.copy_(torch.from_numpy(np.stack([-slope, slope])).float() * 2)
        network.classifier.bias.copy_(torch.tensor([-offset, offset]).float() * 2)
    return network


def write(folder: Path, graph: bytes, tokenizer: Tokenizer, rows_per_run: int | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(graph)
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), "utf-8")
    text = {"name": "text", "type": "text", "tensor": "tokens", "index": 0, "nullable": False, "maxLength": LONGEST, "pad": 0}
    signature = {
        "task": "binary", "target": "label", "classes": CLASSES, "positive": "yes", "threshold": 0.5, "tolerance": 2e-3, "inputs": [text],
        **({"rowsPerRun": rows_per_run} if rows_per_run else {}),
    }  # fmt: skip
    (folder / "signature.json").write_text(json.dumps(signature))


def answers(folder: Path, rows: list[np.ndarray]) -> np.ndarray:
    """The probability of yes, each row by itself."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    told = [session.run(None, {"input_ids": row[None], "attention_mask": np.ones_like(row)[None]})[0][0, 1] for row in rows]
    return np.array(told, dtype=np.float64)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
