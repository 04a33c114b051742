"""A Whisper network (Radford et al. 2022): windows of sound in, tokens out. Given weights, or a small one learned from the start."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from atoll_engines.audio.speech.log_mel import HOP, RATE, LogMel
from atoll_engines.audio.speech.windows import windows
from atoll_engines.errors import BadInput
from atoll_engines.sequences.decoding import Decoding
from atoll_engines.sequences.vocabulary import END, PAD, START, learn_vocabulary
from atoll_engines.sequences.writer import Said, Writer, open_network
from atoll_engines.text.tokens import read_tokenizer
from atoll_engines.text.weights import refuse_incomplete

# Two frames of the spectrogram make one place of the encoder.
PER_PLACE = 2 * HOP
BANDS = 80
# Of each: so many stripes, each at most this share of the spectrogram (Park et al. 2019).
STRIPES, STRIPE_TIME, STRIPE_BANDS = 2, 0.08, 0.25
SHORTEST_TEXT, LONGEST_TEXT = 24, 448


class SpeechWriter(Writer):
    """Items are float32 samples at 16,000 a second."""

    is_masked = False
    batch_rows = 8

    def __init__(
        self, network: Any, tokenizer: Any, decoding: Decoding, made_from: dict[str, Any], leads: str = "", masks: bool = False
    ) -> None:
        super().__init__(network, tokenizer, decoding, made_from)
        # Stripes of the spectrogram are hidden while training.
        self.masks = masks
        # What stands before a text when it is divided into tokens: Whisper's own vocabulary begins words with their blank.
        self.leads = leads
        self.log_mel = LogMel(int(network.config.num_mel_bins))

    @property
    def samples(self) -> int:
        """What the network hears at once."""
        return int(self.network.config.max_source_positions) * PER_PLACE

    def ids(self, text: str) -> list[int]:
        return super().ids(self.leads + text)

    def fits(self, item: np.ndarray) -> bool:
        return len(item) <= self.samples

    def too_long(self, item: np.ndarray) -> str:
        return f"its recording lasts {len(item) / RATE:.1f} s and the network hears {self.samples / RATE:g} s at once; cut it into pieces"

    def sounds(self, items: Sequence[np.ndarray]) -> torch.Tensor:
        filled = np.zeros((len(items), self.samples), np.float32)
        for row, item in enumerate(items):
            filled[row, : len(item)] = item
        return torch.from_numpy(filled)

    def inputs(self, items: Sequence[np.ndarray], generator: torch.Generator | None = None) -> dict[str, torch.Tensor]:
        with torch.inference_mode():
            heard = self.log_mel(self.sounds(items))
        heard = heard.clone()
        if generator is not None and self.masks:
            for row, item in enumerate(items):
                hide_stripes(heard[row], max(1, len(item) // HOP), generator)
        return {"input_features": heard}

    def encoded(self, items: Sequence[np.ndarray]) -> tuple[torch.Tensor, None]:
        with torch.inference_mode():
            heard = self.log_mel(self.sounds(items)).to(self.device)
            return self.network.model.encoder(heard).last_hidden_state, None

    def say(self, items: Sequence[np.ndarray]) -> list[Said]:
        pieces = [(row, begin, end) for row, item in enumerate(items) for begin, end in windows(item, self.samples)]
        texts = self.written([items[row][begin:end] for row, begin, end in pieces])
        segments: list[list[dict[str, Any]]] = [[] for _ in items]
        for (row, begin, end), text in zip(pieces, texts, strict=True):
            segments[row].append({"start": begin / RATE, "end": end / RATE, "text": text})
        return [Said(" ".join(one["text"] for one in parts if one["text"]), parts) for parts in segments]

    def encoder_module(self) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        example = torch.rand(2, self.samples, generator=torch.Generator().manual_seed(0)) - 0.5
        return Hears(self.log_mel, self.network.model.encoder), {"audio": example}, {"audio": {0: torch.export.Dim.DYNAMIC}}

    def graph_inputs(self, item: np.ndarray) -> dict[str, np.ndarray]:
        return {"audio": self.sounds([item]).numpy()}

    def examples(self) -> list[np.ndarray]:
        random = np.random.default_rng(0)
        place = np.arange(self.samples) / RATE
        chirp = (0.3 * np.sin(2 * np.pi * (200 + 300 * place) * place)).astype(np.float32)
        return [chirp, random.normal(0, 0.1, self.samples // 2).astype(np.float32), np.zeros(self.samples, np.float32)]

    def signature_part(self) -> dict[str, Any]:
        return {"type": "audio", "tensor": "audio", "index": 0, "nullable": False, "sampleRate": RATE, "samples": None}

    def about(self) -> dict[str, Any]:
        return {"leads": self.leads}


class Hears(torch.nn.Module):
    """Samples → encoder states: the spectrogram is part of the graph."""

    def __init__(self, log_mel: LogMel, encoder: Any) -> None:
        super().__init__()
        self.log_mel, self.encoder = log_mel, encoder

    def forward(self, audio: Any) -> Any:
        return self.encoder(self.log_mel(audio)).last_hidden_state


def hide_stripes(heard: torch.Tensor, frames: int, generator: torch.Generator) -> None:
    """Stripes of time (of what was said, not of the silence after it) and of bands set to the mean, in place."""
    mean = heard.mean()

    def drawn(limit: int) -> int:
        return int(torch.randint(max(1, limit + 1), (1,), generator=generator))

    for _ in range(STRIPES):
        wide = drawn(int(STRIPE_TIME * min(frames, heard.shape[1])))
        at = drawn(min(frames, heard.shape[1]) - wide)
        heard[:, at : at + wide] = mean
        wide = drawn(int(STRIPE_BANDS * heard.shape[0]))
        at = drawn(heard.shape[0] - wide)
        heard[at : at + wide] = mean


def from_scratch(texts: Sequence[str], longest: int, params: dict[str, Any], seed: int, masks: bool) -> SpeechWriter:
    """A small network for windows of as many samples as the longest recording has, with a vocabulary of the transcripts."""
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    tokenizer = learn_vocabulary(texts, int(params["vocabulary"]), ends=False)
    start, end, pad = (tokenizer.token_to_id(name) for name in (START, END, PAD))
    most = max((len(tokenizer.encode(text).ids) for text in texts), default=0)
    most = min(LONGEST_TEXT, max(SHORTEST_TEXT, most + most // 2)) + 2
    width, layers = int(params["width"]), int(params["layers"])
    torch.manual_seed(seed)
    config = WhisperConfig(
        vocab_size=tokenizer.get_vocab_size(), num_mel_bins=BANDS, d_model=width, encoder_layers=layers, decoder_layers=layers,
        encoder_attention_heads=int(params["heads"]), decoder_attention_heads=int(params["heads"]), encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width, max_source_positions=-(-longest // PER_PLACE), max_target_positions=most, dropout=params["dropout"],
        decoder_start_token_id=start, bos_token_id=end, eos_token_id=end, pad_token_id=pad, attn_implementation="eager",
    )  # fmt: skip
    decoding = Decoding((start,), (end,), most - 2, suppress=(pad, start))
    made = {"from": "random numbers: no weights were given, so the network knows only the recordings", "architecture": "whisper"}
    return SpeechWriter(WhisperForConditionalGeneration(config), tokenizer, decoding, made, masks=masks)


def from_weights(folder: Path, params: dict[str, Any], language: str | None, masks: bool) -> SpeechWriter:
    """Given weights with their own vocabulary and rule of decoding (generation_config.json)."""
    from transformers import WhisperForConditionalGeneration

    config = refuse_incomplete(folder)
    if config.get("model_type") != "whisper":
        raise BadInput(f"These are weights of a {config.get('model_type')} network; speech is written down by one of Whisper's kind.")
    refuse_other_sounds(folder)
    try:
        network = WhisperForConditionalGeneration.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False, attn_implementation="eager",
            dropout=params["dropout"],
        )  # fmt: skip
    except (ValueError, OSError, KeyError) as error:
        raise BadInput(f"The weights could not be read as Whisper's: {str(error).splitlines()[0]}.", file="config.json") from error
    network.config.apply_spec_augment = False
    tokenizer = read_tokenizer((folder / "tokenizer.json").read_text("utf-8"))
    made = {"from": "given weights", "architecture": "whisper", "name": config.get("_name_or_path")}
    decoding = decoding_of(network.config, generation_of(folder, config), tokenizer, language)
    leads = (
        " " if tokenizer.encode(" a", add_special_tokens=False).ids[:1] != tokenizer.encode("a", add_special_tokens=False).ids[:1] else ""
    )
    return SpeechWriter(network.float(), tokenizer, decoding, made, leads, masks)


def generation_of(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    path = folder / "generation_config.json"
    return config | (json.loads(path.read_text("utf-8")) if path.is_file() else {})


def decoding_of(config: Any, generation: dict[str, Any], tokenizer: Any, language: str | None) -> Decoding:
    """The tokens that say language and task stand before each text, where the vocabulary has them; times are not written."""
    start = [int(generation["decoder_start_token_id"])]
    ends = generation.get("eos_token_id")
    end = [int(one) for one in (ends if isinstance(ends, list) else [ends])]
    if (
        tokenizer.token_to_id("<|transcribe|>") is not None
        and tokenizer.token_to_id("<|en|>") is not None
        and generation.get("is_multilingual", True)
    ):
        named = tokenizer.token_to_id(f"<|{language or 'en'}|>")
        if named is None:
            raise BadInput(f'The vocabulary of the weights has no language "{language}".', parameter="options.language")
        start += [named, tokenizer.token_to_id("<|transcribe|>")]
    elif language is not None:
        raise BadInput("These weights know one language; leave options.language out.", parameter="options.language")
    below = None
    silent = tokenizer.token_to_id("<|notimestamps|>")
    if silent is not None:
        start.append(silent)
        below = silent + 1
    below = min(below or tokenizer.get_vocab_size(), int(config.vocab_size))
    never = [int(one) for one in generation.get("suppress_tokens") or [] if 0 <= int(one) < below]
    first = [int(one) for one in generation.get("begin_suppress_tokens") or [] if 0 <= int(one) < below]
    most = int(config.max_target_positions) - len(start) - 1
    return Decoding(tuple(start), tuple(end), most, tuple(never), tuple(first), below if below < config.vocab_size else None)


def refuse_other_sounds(folder: Path) -> None:
    path = folder / "preprocessor_config.json"
    about = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    for name, wanted in (("sampling_rate", RATE), ("n_fft", 400), ("hop_length", HOP)):
        if about.get(name, wanted) != wanted:
            raise BadInput(
                f"preprocessor_config.json of the weights says {name} {about[name]}; only {wanted} is known here.", file=path.name
            )


def open_writer(folder: Path) -> SpeechWriter:
    """The writer that training left in `native/`."""
    from transformers import WhisperForConditionalGeneration

    network, tokenizer, decoding, about = open_network(folder, WhisperForConditionalGeneration)
    return SpeechWriter(network, tokenizer, decoding, about["madeFrom"], about["leads"])
