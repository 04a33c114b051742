"""A folder of a hub: what its settings say it is, its tokenizer, and its network by the transformers library, without anybody's code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from atoll_engines.bring.original import first_line
from atoll_engines.errors import BadInput

KINDS = {
    "ForSequenceClassification": "text",
    "ForTokenClassification": "tokens",
    "ForImageClassification": "image",
}
# Two positions before the first are taken in these.
SHIFTED = ("roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "data2vec-text", "mpnet", "longformer")
USUAL_LENGTH = 512


def read_settings(folder: Path, name: str, must: bool = False) -> dict[str, Any]:
    path = folder / name
    if not path.is_file():
        if must:
            raise BadInput(f"The folder has no {name}, so what the weights are of is not known.", file=name)
        return {}
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise BadInput(f"{name} is not valid JSON: {error}.", file=name) from error
    if not isinstance(value, (dict, list)):
        raise BadInput(f"{name} holds no settings.", file=name)
    return value


def kind_of(folder: Path) -> str:
    """`text`, `tokens`, `image` or `vector`, by the architecture that config.json names."""
    config = read_settings(folder, "config.json", must=True)
    if config.get("auto_map"):
        raise BadInput(
            "config.json asks for code of its own (auto_map), which is not run. Bring the network as ONNX or TorchScript instead.",
            file="config.json",
        )
    if not any(folder.glob("*.safetensors")):
        others = sorted(path.name for path in folder.iterdir() if path.suffix in (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack"))
        kind = f" ({', '.join(others[:4])}: of a kind that can run code when it is read)" if others else ""
        raise BadInput(f"The folder holds no safetensors{kind}. Save the network anew with save_pretrained(safe_serialization=True).")
    if (folder / "modules.json").is_file():
        return "vector"
    names = [str(one) for one in config.get("architectures") or []]
    for name in names:
        for ending, kind in KINDS.items():
            if name.endswith(ending):
                return kind
    if names and all(name.endswith("Model") for name in names) and (folder / "tokenizer.json").is_file():
        return "vector"
    what = names[0] if names else f'a "{config.get("model_type")}" without an architecture'
    raise BadInput(
        f"The folder is {what}. Imported are networks for texts (ForSequenceClassification), marks in texts (ForTokenClassification), "
        "images (ForImageClassification) and sentences as vectors; a network that writes is imported as GGUF.",
        file="config.json",
    )


def load_network(make: Any, folder: Path, unneeded: tuple[str, ...] = ()) -> Any:
    """The network with every number from the file: one that would be random is a fault of the file."""
    try:
        network, told = make.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation="eager",
            output_loading_info=True,
        )
    except Exception as error:  # the library raises many kinds for damaged folders
        raise BadInput(f"The network could not be read by the transformers library: {first_line(error)}", file="config.json") from error
    lacks = sorted(name for name in told.get("missing_keys") or [] if not name.startswith(unneeded or ("\0",)))
    if lacks:
        raise BadInput(
            f"The weights lack {len(lacks)} of the network's parts ({', '.join(lacks[:4])}{', …' if len(lacks) > 4 else ''}): "
            "it was saved without its last layer, or config.json is of another network.",
            file="model.safetensors",
        )
    return network.float().eval()


def read_tokens(folder: Path) -> Any:
    """The tokenizer of tokenizer.json; where only older files are there, they are turned into one."""
    from atoll_engines.text.tokens import read_tokenizer

    if (folder / "tokenizer.json").is_file():
        try:
            return read_tokenizer((folder / "tokenizer.json").read_text("utf-8"))
        except Exception as error:
            raise BadInput(f"tokenizer.json could not be read: {first_line(error)}", file="tokenizer.json") from error
    from transformers import AutoTokenizer

    try:
        made = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        return read_tokenizer(made.backend_tokenizer.to_str())
    except Exception as error:
        raise BadInput(
            f"The folder has no tokenizer.json, and none could be made of what it has: {first_line(error)}", file="tokenizer.json"
        ) from error


def length_of(folder: Path, config: Any) -> int:
    """The most tokens that a text may have."""
    limits = [USUAL_LENGTH]
    positions = getattr(config, "max_position_embeddings", None)
    if positions:
        shift = int(getattr(config, "pad_token_id", 0) or 0) + 1 if config.model_type in SHIFTED else 0
        limits.append(int(positions) - shift)
    said = read_settings(folder, "tokenizer_config.json").get("model_max_length")
    if isinstance(said, (int, float)) and 0 < said < 1e6:
        limits.append(int(said))
    short = read_settings(folder, "sentence_bert_config.json").get("max_seq_length")
    if isinstance(short, int) and short > 0:
        limits.append(short)
    return max(4, min(limits))


def pad_of(config: Any, tokenizer: Any) -> int:
    known = getattr(config, "pad_token_id", None)
    if known is None:
        known = next((tokenizer.token_to_id(name) for name in ("[PAD]", "<pad>") if tokenizer.token_to_id(name) is not None), 0)
    return int(known)


def class_names(config: Any) -> list[str]:
    """The labels in the order of the network's answers."""
    return [str(config.id2label[number]) for number in range(config.num_labels)]


def library() -> str:
    import transformers

    return f"transformers {transformers.__version__}"


def described(network: Any) -> dict[str, Any]:
    return {"parameters": int(sum(one.numel() for one in network.parameters())), "architecture": network.config.model_type}
