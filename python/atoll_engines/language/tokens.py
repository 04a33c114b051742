"""Tokenizers: those of given weights, or learned from the training texts; texts as ids and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atoll_engines.errors import BadInput
from atoll_engines.language.template import END, PLAIN_TEMPLATE, START, ChatTemplate

DOCUMENT = "<|endoftext|>"
UNKNOWN, BEGIN, FINISH = "<unk>", "<s>", "</s>"
FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


@dataclass(frozen=True)
class Tokens:
    """A tokenizer with what a model must know of it. `ends` are the ids after which an answer is over, a document's first."""

    tokenizer: Any
    settings: dict[str, Any]
    begin: int | None
    ends: tuple[int, ...]
    adds_begin: bool
    template: ChatTemplate | None

    @property
    def pad(self) -> int:
        return self.ends[0]

    @property
    def count(self) -> int:
        return self.tokenizer.get_vocab_size(with_added_tokens=True)

    def plain(self, text: str) -> list[int]:
        """Ids of a text in which nothing is special: a text cannot end the document that it stands in."""
        self.tokenizer.encode_special_tokens = True
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def rendered(self, text: str) -> list[int]:
        """Ids of what a template wrote, special tokens and all."""
        self.tokenizer.encode_special_tokens = False
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def text(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(list(ids), skip_special_tokens=True)

    def stops(self) -> list[str]:
        return [self.tokenizer.id_to_token(one) for one in self.ends]

    def start(self) -> list[int]:
        """What stands before a plain text."""
        return [self.begin] if self.adds_begin and self.begin is not None else []

    def save(self, folder: Path) -> None:
        self.tokenizer.encode_special_tokens = False
        (folder / "tokenizer.json").write_text(self.tokenizer.to_str(), "utf-8")
        (folder / "tokenizer_config.json").write_text(json.dumps(self.settings, indent=1, ensure_ascii=False), "utf-8")
        if self.template:
            (folder / "chat_template.jinja").write_text(self.template.source, "utf-8")


def learn_tokens(texts: Iterable[str], kind: str, vocabulary: int) -> Tokens:
    """A tokenizer learned from texts: byte-level BPE (Radford et al. 2019), or one of SentencePiece's form (Kudo and Richardson 2018)."""
    if kind == "sentencepiece":
        tokenizer, begin, end = learn_sentencepiece(texts, vocabulary), BEGIN, FINISH
    else:
        tokenizer, begin, end = learn_bytes(texts, vocabulary), DOCUMENT, DOCUMENT
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": begin, "eos_token": end, "pad_token": end, "add_bos_token": True,
        "clean_up_tokenization_spaces": False, "chat_template": PLAIN_TEMPLATE,
    }  # fmt: skip
    if kind == "sentencepiece":
        settings["unk_token"] = UNKNOWN
    return of_settings(tokenizer, settings, PLAIN_TEMPLATE, [tokenizer.token_to_id(end), tokenizer.token_to_id(END)])


def learn_bytes(texts: Iterable[str], vocabulary: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    special = [DOCUMENT, START, END]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, min_frequency=2, special_tokens=special, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def learn_sentencepiece(texts: Iterable[str], vocabulary: int) -> Any:
    """Pairs of signs joined most frequent first, blanks as part of words, bytes for what is unknown."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    special = [UNKNOWN, BEGIN, FINISH, START, END, *(f"<0x{byte:02X}>" for byte in range(256))]
    learner = Tokenizer(models.BPE(unk_token=UNKNOWN, fuse_unk=True, byte_fallback=True))
    learner.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always", split=True)
    trainer = trainers.BpeTrainer(
        vocab_size=max(vocabulary, len(special) + 200), min_frequency=2, special_tokens=special, limit_alphabet=1000, show_progress=False
    )
    learner.train_from_iterator((text.replace("\n", " \n ") for text in texts), trainer)
    model = json.loads(learner.to_str())["model"]
    merges = all_merges(model["vocab"], [pair if isinstance(pair, list) else pair.split(" ") for pair in model["merges"]])
    # Anew, so that only the five names, not the bytes, are taken out of a text before it is divided.
    tokenizer = Tokenizer(models.BPE(model["vocab"], merges, unk_token=UNKNOWN, fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([UNKNOWN, BEGIN, FINISH, START, END])
    return tokenizer


def all_merges(vocabulary: dict[str, int], merges: list[list[str]]) -> list[tuple[str, str]]:
    """Every pair that makes a known piece, in the order in which pieces were learned: SentencePiece joins any of them."""
    found: list[tuple[str, str]] = []
    for piece in dict.fromkeys("".join(pair) for pair in merges):
        pairs = [(piece[:at], piece[at:]) for at in range(1, len(piece))]
        known = [pair for pair in pairs if pair[0] in vocabulary and pair[1] in vocabulary]
        found += sorted(known, key=lambda pair: (vocabulary[pair[0]], vocabulary[pair[1]]))
    return found


def read_tokens(folder: Path) -> Tokens:
    """The tokenizer of a folder of weights, as its files describe it; nothing of it is run but its template, in a sandbox."""
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    if not file.is_file():
        raise BadInput("The weights hold no tokenizer.json. Save the tokenizer with it (transformers: save_pretrained).", file=file.name)
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:
        raise BadInput(f"tokenizer.json cannot be read: {str(error).splitlines()[0][:200]}.", file=file.name) from error
    tokenizer.no_padding()
    tokenizer.no_truncation()
    settings = read_json(folder / "tokenizer_config.json")
    config, generation = read_json(folder / "config.json"), read_json(folder / "generation_config.json")
    ends: list[int] = []
    for value in (settings.get("eos_token"), generation.get("eos_token_id"), config.get("eos_token_id"), END, "<|eot_id|>"):
        ends += [one for one in ids_of(tokenizer, value) if one not in ends]
    if not ends:
        raise BadInput(
            "Neither tokenizer_config.json nor config.json names an eos token, so no text would have an end.", file="config.json"
        )
    return of_settings(tokenizer, settings, template_of(folder, settings), ends, config)


def of_settings(
    tokenizer: Any, settings: dict[str, Any], template: str | None, ends: list[int], config: dict[str, Any] | None = None
) -> Tokens:
    begins = ids_of(tokenizer, settings.get("bos_token")) or ids_of(tokenizer, (config or {}).get("bos_token_id"))
    begin = begins[0] if begins else None
    adds = settings.get("add_bos_token")
    if adds is None:
        # Tokenizers that say it in no setting do it in their last step.
        marked = tokenizer.encode("a").ids
        adds = bool(marked) and marked[0] == begin
    names = {f"{name}_token": word_of(settings.get(f"{name}_token")) or "" for name in ("bos", "eos", "pad", "unk")}
    return Tokens(tokenizer, settings, begin, tuple(ends), bool(adds), ChatTemplate(template, names) if template else None)


def template_of(folder: Path, settings: dict[str, Any]) -> str | None:
    if (folder / "chat_template.jinja").is_file():
        return (folder / "chat_template.jinja").read_text("utf-8")
    said = settings.get("chat_template")
    if isinstance(said, list):
        said = next((one.get("template") for one in said if one.get("name") == "default"), None)
    return said if isinstance(said, str) else None


def ids_of(tokenizer: Any, value: Any) -> list[int]:
    """The ids that a setting means: numbers, a token's text, or a record with one."""
    if isinstance(value, list):
        return [found for one in value for found in ids_of(tokenizer, one)]
    if isinstance(value, int) and not isinstance(value, bool):
        return [value] if tokenizer.id_to_token(value) is not None else []
    word = word_of(value)
    number = tokenizer.token_to_id(word) if word else None
    return [] if number is None else [number]


def word_of(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None


def read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise BadInput(f"{path.name} of the weights is not valid JSON: {error}.", file=path.name) from error
    return value if isinstance(value, dict) else {}
