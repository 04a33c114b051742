"""Fine-tuning of an encoder: batches of like length, warm-up and linear decay, epochs that a restart takes up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.errors import EngineError
from atoll_engines.text.setting import TextSetting
from atoll_engines.text.tokens import encode, padded


@dataclass(frozen=True)
class Plan:
    """How an encoder is trained."""

    epochs: int
    batch_size: int
    learning_rate: float
    warmup: float
    weight_decay: float
    max_length: int
    pad: int
    freeze: int
    seed: int


def fine_tune(
    network: Any, tokenizer: Any, texts: np.ndarray, y: np.ndarray, weights: np.ndarray | None, plan: Plan, setting: TextSetting,
    folder: Path | None,
) -> None:  # fmt: skip
    """Trains in place. What is random in an epoch follows from the seed and its number, so a resumed fit equals an uninterrupted one."""
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device).train()
    freeze(network, plan.freeze)
    optimiser = torch.optim.AdamW(groups(network, plan.weight_decay), lr=plan.learning_rate, fused=device.type == "cuda")
    done = resume(network, optimiser, folder, setting)
    plain = encode(tokenizer, texts, plan.max_length)
    batch_size = plan.batch_size
    for epoch in range(done, plan.epochs):
        while True:
            try:
                rows = augmented(tokenizer, texts, plain, plan, setting, epoch)
                loss = one_epoch(network, optimiser, rows, y, weights, plan, setting, epoch, batch_size, device)
                break
            except torch.OutOfMemoryError:
                if batch_size == 1:
                    raise
                batch_size = max(1, batch_size // 2)
                torch.cuda.empty_cache()
                if setting.report:
                    message = f"The device ran out of memory; the batch is halved to {batch_size} and the epoch begins again."
                    setting.report.warning("batch_halved", message, batchSize=batch_size)
        if setting.report:
            setting.report.metric("loss", loss, epoch, algorithm="text_transformer")
            setting.report.progress("fit", epoch + 1, plan.epochs, None, f"epoch {epoch + 1} of {plan.epochs}, loss {loss:.4f}")
        keep(network, optimiser, epoch + 1, folder, setting)
    network.to("cpu")


def one_epoch(
    network: Any, optimiser: Any, rows: list[np.ndarray], y: np.ndarray, weights: np.ndarray | None, plan: Plan, setting: TextSetting,
    epoch: int, batch_size: int, device: Any,
) -> float:  # fmt: skip
    """One pass over the rows; the mean loss."""
    import torch

    torch.manual_seed(plan.seed * 1009 + epoch)
    random = np.random.default_rng([plan.seed, epoch])
    steps = -(-len(rows) // plan.batch_size)
    total, seen = 0.0, 0
    targets = torch.tensor(y, dtype=torch.int64 if setting.task in ("binary", "multiclass") else torch.float32)
    shares = None if weights is None else torch.tensor(weights, dtype=torch.float32)
    for places in mixed_batches(np.array([len(row) for row in rows]), batch_size, random):
        step = epoch * steps + seen / plan.batch_size
        for group in optimiser.param_groups:
            group["lr"] = plan.learning_rate * schedule(step, plan.epochs * steps, plan.warmup)
        ids, mask = padded([rows[place] for place in places], plan.pad)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            margins = network(input_ids=torch.from_numpy(ids).to(device), attention_mask=torch.from_numpy(mask).to(device)).logits
        losses = losses_of(margins.float(), targets[places].to(device), setting.task)
        loss = losses.mean() if shares is None else (losses * shares[places].to(device)).mean()
        value = float(loss.detach())
        if not np.isfinite(value):
            raise EngineError(
                f"The loss is no number after {seen} rows of epoch {epoch + 1}: training has run away. "
                "A smaller learning rate (options.learningRate) usually helps.",
                epoch=epoch + 1,
            )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([one for one in network.parameters() if one.requires_grad], 1.0)
        optimiser.step()
        total, seen = total + value * len(places), seen + len(places)
    return total / max(1, seen)


def losses_of(margins: Any, y: Any, task: str) -> Any:
    """One loss for each row."""
    from torch.nn import functional

    if task == "regression":
        return functional.mse_loss(margins[:, 0], y, reduction="none")
    if task == "multilabel":
        return functional.binary_cross_entropy_with_logits(margins, y, reduction="none").mean(dim=1)
    return functional.cross_entropy(margins, y, reduction="none")


def schedule(step: float, steps: int, warmup: float) -> float:
    """Linear warm-up, then linear decay to zero."""
    rise = max(1.0, warmup * steps)
    return min((step + 1) / rise, max(0.0, (steps - step) / max(1.0, steps - rise)))


def mixed_batches(lengths: np.ndarray, size: int, random: np.random.Generator, window: int = 50) -> list[np.ndarray]:
    """Random batches of rows about as long as one another: sorted within windows of so many batches."""
    order = random.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), size * window):
        part = order[start : start + size * window]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += [part[at : at + size] for at in range(0, len(part), size)]
    return [batches[place] for place in random.permutation(len(batches))]


def augmented(tokenizer: Any, texts: np.ndarray, plain: list[np.ndarray], plan: Plan, setting: TextSetting, epoch: int) -> list[np.ndarray]:
    """The rows as this epoch sees them."""
    if not setting.augmentation.is_used:
        return plain
    random = np.random.default_rng([plan.seed, epoch, 1])
    return encode(tokenizer, [setting.augmentation.of(str(text), random) for text in texts], plan.max_length)


def freeze(network: Any, layers: int) -> None:
    """Leaves the embeddings and the first layers as they came; the rest learns."""
    if layers <= 0:
        return
    blocks = next((one for name, one in network.named_modules() if name.endswith((".layer", ".layers")) and hasattr(one, "__len__")), None)
    frozen = [one for name, one in network.named_modules() if name.endswith(".embeddings")][:1]
    frozen += list(blocks)[:layers] if blocks is not None else []
    for module in frozen:
        for parameter in module.parameters():
            parameter.requires_grad_(False)


def groups(network: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay on matrices alone: not on offsets and norms."""
    learning = [one for one in network.parameters() if one.requires_grad]
    return [
        {"params": [one for one in learning if one.ndim > 1], "weight_decay": weight_decay},
        {"params": [one for one in learning if one.ndim <= 1], "weight_decay": 0.0},
    ]


def keep(network: Any, optimiser: Any, epochs: int, folder: Path | None, setting: TextSetting) -> None:
    """A checkpoint after an epoch: the network, both moments of the optimiser, and how many epochs are done."""
    if folder is None:
        return
    import torch
    from safetensors.torch import save_file

    from atoll_engines.contract import stop

    state = {f"network.{name}": value.detach().cpu().clone().contiguous() for name, value in network.state_dict().items()}
    for number, held in optimiser.state_dict()["state"].items():
        state |= {f"optimiser.{number}.{name}": torch.as_tensor(value).detach().cpu().clone().contiguous() for name, value in held.items()}
    state["epochs"] = torch.tensor(epochs)
    with stop.guard:
        save_file(state, folder / "epoch.part")
        (folder / "epoch.part").replace(folder / "epoch.safetensors")
    if setting.report:
        setting.report.checkpoint(str(folder / "epoch.safetensors"), epochs)


def resume(network: Any, optimiser: Any, folder: Path | None, setting: TextSetting) -> int:
    """Takes up the last checkpoint; how many epochs are done."""
    if folder is None or not (folder / "epoch.safetensors").is_file():
        return 0
    from safetensors.torch import load_file

    state = load_file(folder / "epoch.safetensors")
    network.load_state_dict({name.removeprefix("network."): value for name, value in state.items() if name.startswith("network.")})
    held: dict[int, dict[str, Any]] = {}
    for name, value in state.items():
        if name.startswith("optimiser."):
            _, number, key = name.split(".", 2)
            held.setdefault(int(number), {})[key] = value
    optimiser.load_state_dict({"state": held, "param_groups": optimiser.state_dict()["param_groups"]})
    done = int(state["epochs"])
    if setting.report:
        setting.report.log(f"Resumed after {done} epochs.")
    return done
