"""DeepAR (Salinas et al. 2020): a recurrent network that gives the distribution of the next value, fed its own draws to look further.

The draws use noise that is fixed when the model is made, so that the same window always gives the same forecast, in Python as in the graph.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from atoll_engines.forecast.algorithms.model import Algorithm, Setting
from atoll_engines.forecast.formulas import Arrays, calendar, filled, level_and_scale
from atoll_engines.forecast.metrics import QUANTILES
from atoll_engines.forecast.windows import Windows
from atoll_engines.neural.plan import TrainingPlan
from atoll_engines.neural.protocols import Hooks
from atoll_engines.neural.trainer import fit

if TYPE_CHECKING:
    from atoll_engines.forecast.formulas import Nodes

DRAWS = 100
LEAST_DEVIATION = 1e-3


class Network(nn.Module):
    """One LSTM cell after another over the window and then over its own draws."""

    def __init__(self, context: int, horizon: int, features: int, hidden: int, layers: int, dropout: float, noise: np.ndarray) -> None:
        super().__init__()
        self.context, self.horizon, self.hidden, self.layers = context, horizon, hidden, layers
        self.lstm = nn.LSTM(1 + features, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.head = nn.Linear(hidden, 2)
        # [horizon, draws]: quantiles of the normal distribution in an order of their own at each step.
        self.register_buffer("noise", torch.from_numpy(noise.astype(np.float32)))
        self.register_buffer("places", torch.tensor([round(level * (noise.shape[1] - 1)) for level in QUANTILES]))

    def distribution(self, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        raw = self.head(states)
        return raw[..., :1], nn.functional.softplus(raw[..., 1:]) + LEAST_DEVIATION

    def loss(self, values: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Mean negative log likelihood of each value after the first, given those before it. values [n, context + horizon]."""
        states, _ = self.lstm(torch.cat([values[:, :-1, None], features[:, 1:]], dim=2))
        mean, deviation = self.distribution(states)
        z = (values[:, 1:, None] - mean) / deviation
        return (0.5 * z * z + torch.log(deviation)).mean() + 0.5 * math.log(2 * math.pi)

    def forward(self, values: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Quantiles [n, horizon, 9] for values [n, context] and features [n, context + horizon, k], all scaled."""
        draws = self.noise.shape[1]
        _, (h, c) = self.lstm(torch.cat([values[:, :-1, None], features[:, 1 : self.context]], dim=2))
        # Each window goes on as many ways: [layers, n * draws, hidden].
        h = h.repeat_interleave(draws, dim=1)
        c = c.repeat_interleave(draws, dim=1)
        last = values[:, -1:].repeat_interleave(draws, dim=0)
        steps = []
        for step in range(self.horizon):
            known = features[:, self.context + step].repeat_interleave(draws, dim=0)
            states, (h, c) = self.lstm(torch.cat([last[:, None], known[:, None]], dim=2), (h, c))
            mean, deviation = self.distribution(states[:, 0])
            # Far draws would run away and take the state with them.
            last = torch.clamp(mean + deviation * self.noise[step].repeat(values.shape[0])[:, None], -50.0, 50.0)
            ordered = torch.sort(last.reshape(-1, draws), dim=1).values
            steps.append(ordered.index_select(1, self.places))
        return torch.stack(steps, dim=1)


class Rows:
    """Windows as tensors."""

    def __init__(self, values: np.ndarray, features: np.ndarray) -> None:
        self.values = torch.from_numpy(values.astype(np.float32))
        self.features = torch.from_numpy(features.astype(np.float32))

    def __len__(self) -> int:
        return len(self.values)

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> tuple[torch.Tensor, torch.Tensor]:
        which = torch.from_numpy(np.asarray(rows, np.int64))
        return self.values[which], self.features[which]


class Likelihood:
    """The objective: the likelihood of what came."""

    metric = "loss"
    higher_is_better = False

    def loss(self, module: nn.Module, batch: Any) -> torch.Tensor:
        inner = getattr(module, "module", module)
        return inner.loss(*batch)

    def validate(self, module: nn.Module, batches: Any) -> dict[str, float]:
        total, rows = 0.0, 0
        with torch.no_grad():
            for values, features in batches:
                total += float(self.loss(module, (values, features))) * len(values)
                rows += len(values)
        return {"loss": total / max(1, rows)}


class DeepAR:
    """A network over windows in units of their own level and scale."""

    is_probabilistic = True

    def __init__(self, parameters: dict[str, Any], setting: Setting) -> None:
        self.parameters, self.setting = parameters, setting
        self.weights: dict[str, np.ndarray] = {}
        self.centre = np.zeros(0)
        self.spread = np.zeros(0)

    def features(self, of: Any) -> Any:
        """[n, (context + horizon) * k] as a list by position: the calendar and, from the origin on, what is known of the future."""
        frame = self.setting.frame
        return [calendar(of, frame, step) for step in range(1 - frame.context, frame.horizon + 1)]

    def tensors(self, windows: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        frame = self.setting.frame
        of = Arrays(windows)
        values = filled(of)
        level, scale = level_and_scale(of, values, frame)
        parts = np.stack([np.concatenate(list(np.broadcast_arrays(*one)), axis=1) for one in self.features(of)], axis=1)
        known = np.zeros((len(windows), frame.context + frame.horizon, len(frame.known)))
        known[:, frame.context :] = np.nan_to_num(windows.known.transpose(0, 2, 1))
        return (values - level) / scale, np.concatenate([parts, known], axis=2), level, scale

    def fit(self, windows: Windows) -> None:
        torch.manual_seed(self.setting.seed)
        values, features, level, scale = self.tensors(windows)
        flat = features.reshape(-1, features.shape[2])
        self.centre, self.spread = flat.mean(axis=0), np.where(flat.std(axis=0) > 1e-9, flat.std(axis=0), 1.0)
        features = (features - self.centre) / self.spread
        whole = np.concatenate([values, (windows.actual - level) / scale], axis=1)
        edge = np.quantile(windows.time, 0.9)
        late = windows.time >= edge
        network = self.network(features.shape[2])
        plan = TrainingPlan(
            epochs=int(self.parameters["epochs"]), batch_size=int(self.parameters["batch_size"]),
            learning_rate=float(self.parameters["learning_rate"]), clip_norm=5.0, patience=5, seed=self.setting.seed,
            threads=self.setting.threads,
        )  # fmt: skip
        fit(
            network, Likelihood(), Rows(whole[~late], features[~late]),
            Rows(whole[late], features[late]) if late.any() and (~late).any() else None, plan, hooks=Hooks(),
        )  # fmt: skip
        self.weights = {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}

    def network(self, features: int) -> Network:
        frame = self.setting.frame
        random = np.random.default_rng(self.setting.seed)
        from scipy.special import ndtri

        even = ndtri((np.arange(DRAWS) + 0.5) / DRAWS)
        noise = np.stack([random.permutation(even) for _ in range(frame.horizon)])
        parameters = self.parameters
        return Network(
            frame.context,
            frame.horizon,
            features,
            int(parameters["hidden"]),
            int(parameters["layers"]),
            float(parameters["dropout"]),
            noise,
        )

    def restored(self) -> Network:
        network = self.network(len(self.centre))
        network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in self.weights.items()})
        return network.eval()

    def quantiles(self, windows: Windows) -> np.ndarray:
        values, features, level, scale = self.tensors(windows)
        features = (features - self.centre) / self.spread
        network, parts = self.restored(), []
        with torch.no_grad():
            for at in range(0, len(windows), 256):
                one = slice(at, at + 256)
                parts.append(
                    network(torch.from_numpy(values[one].astype(np.float32)), torch.from_numpy(features[one].astype(np.float32))).numpy()
                )
        scaled = np.concatenate(parts).astype(np.float64)
        return level[:, :, None] + scale[:, :, None] * scaled

    def point(self, windows: Windows) -> np.ndarray:
        return self.quantiles(windows)[:, :, QUANTILES.index(0.5)]

    def emit(self, nodes: Nodes) -> str:
        frame, graph = self.setting.frame, nodes.graph
        values = filled(nodes)
        level, scale = level_and_scale(nodes, values, frame)
        scaled = (values - level) / scale
        rows = []
        for position, parts in enumerate(self.features(nodes)):
            ahead = position - frame.context
            if frame.known and ahead >= 0:
                known = nodes.take(nodes.known, [number * frame.horizon + ahead for number in range(len(frame.known))])
                parts = [*parts, nodes.maths.where(nodes.maths.is_missing(known), 0.0, known)]
            elif frame.known:
                parts = [*parts, np.zeros((1, len(frame.known)))]
            rows.append((nodes.join(parts) - self.centre[None]) / self.spread[None])
        drawn = emit_draws(graph, self.weights, int(self.parameters["layers"]), scaled, rows, frame.context, frame.horizon, nodes)
        wide = graph.node("Cast", [drawn], to=11)
        deep = [graph.node("Unsqueeze", [one.name, graph.constant(np.array([2], np.int64))]) for one in (level, scale)]
        answer = graph.node("Add", [deep[0], graph.node("Mul", [deep[1], wide])])
        return graph.node("Reshape", [answer, graph.constant(np.array([-1, frame.horizon * len(QUANTILES)], np.int64))])


def emit_draws(
    graph: Any, weights: dict[str, np.ndarray], layers: int, scaled: Any, features: list[Any], context: int, horizon: int, nodes: Any
) -> str:
    """The network's forward pass as nodes: quantiles of the draws, float32 [N, horizon, 9]."""

    def single(name: str) -> str:
        return graph.node("Cast", [name], to=1)

    def at(name: str, axes: int) -> str:
        return graph.node("Unsqueeze", [name, graph.constant(np.array([axes], np.int64))])

    inputs = [at(single(nodes.join([nodes.take(scaled, [place]), features[place + 1]]).name), 0) for place in range(context - 1)]
    sequence = inputs[0] if len(inputs) == 1 else graph.node("Concat", inputs, axis=0)
    cells = [lstm_weights(graph, weights, layer) for layer in range(layers)]
    hidden = weights["lstm.weight_hh_l0"].shape[1]
    draws = weights["noise"].shape[1]
    states: list[tuple[str, str]] = []
    for cell in cells:
        every, h, c = graph.node("LSTM", [sequence, *cell], outputs=3, hidden_size=hidden)
        sequence = graph.node("Squeeze", [every, graph.constant(np.array([1], np.int64))])
        states.append((each_draw(graph, h, draws, hidden), each_draw(graph, c, draws, hidden)))
    head, bias = graph.constant(weights["head.weight"].T.astype(np.float32)), graph.constant(weights["head.bias"].astype(np.float32))
    newest = single(nodes.take(scaled, [context - 1]).name)
    last = graph.node(
        "Reshape",
        [graph.node("Tile", [newest, graph.constant(np.array([1, draws], np.int64))]), graph.constant(np.array([-1, 1], np.int64))],
    )
    places = graph.constant(weights["places"].astype(np.int64))
    steps = []
    for step in range(horizon):
        known = each_draw(graph, at(single(features[context + step].name), 0), draws, weights["lstm.weight_ih_l0"].shape[1] - 1)
        known = graph.node("Squeeze", [known, graph.constant(np.array([0], np.int64))])
        x = at(graph.node("Concat", [last, known], axis=1), 0)
        for layer, cell in enumerate(cells):
            every, h, c = graph.node("LSTM", [x, *cell, "", *states[layer]], outputs=3, hidden_size=hidden)
            states[layer] = (h, c)
            x = graph.node("Squeeze", [every, graph.constant(np.array([1], np.int64))])
        flat = graph.node("Squeeze", [x, graph.constant(np.array([0], np.int64))])
        raw = graph.node("Add", [graph.node("MatMul", [flat, head]), bias])
        mean, spread = graph.node("Split", [raw], outputs=2, axis=1, num_outputs=2)
        spread = graph.node("Add", [graph.node("Softplus", [spread]), graph.constant(np.float32(LEAST_DEVIATION))])
        shape = graph.constant(np.array([-1, draws], np.int64))
        mean, spread = graph.node("Reshape", [mean, shape]), graph.node("Reshape", [spread, shape])
        noise = graph.constant(weights["noise"][step][None].astype(np.float32))
        drawn = graph.node("Add", [mean, graph.node("Mul", [spread, noise])])
        drawn = graph.node("Clip", [drawn, graph.constant(np.float32(-50)), graph.constant(np.float32(50))])
        ordered, _ = graph.node("TopK", [drawn, graph.constant(np.array([draws], np.int64))], outputs=2, axis=1, largest=0, sorted=1)
        steps.append(at(graph.node("Gather", [ordered, places], axis=1), 1))
        last = graph.node("Reshape", [drawn, graph.constant(np.array([-1, 1], np.int64))])
    return steps[0] if len(steps) == 1 else graph.node("Concat", steps, axis=1)


def each_draw(graph: Any, state: str, draws: int, width: int) -> str:
    """[1, N, width] as [1, N * draws, width], the draws of a row one after the other."""
    deep = graph.node("Unsqueeze", [state, graph.constant(np.array([2], np.int64))])
    tiled = graph.node("Tile", [deep, graph.constant(np.array([1, 1, draws, 1], np.int64))])
    return graph.node("Reshape", [tiled, graph.constant(np.array([1, -1, width], np.int64))])


def lstm_weights(graph: Any, weights: dict[str, np.ndarray], layer: int) -> list[str]:
    """W, R, B of ONNX's LSTM from torch's, whose gates stand in another order (input, forget, cell, output)."""

    def turned(name: str) -> np.ndarray:
        i, f, g, o = np.split(weights[f"lstm.{name}_l{layer}"].astype(np.float32), 4)
        return np.concatenate([i, o, f, g])[None]

    bias = np.concatenate([turned("bias_ih"), turned("bias_hh")], axis=1)
    return [graph.constant(turned("weight_ih")), graph.constant(turned("weight_hh")), graph.constant(bias)]


ALGORITHMS = (
    Algorithm(
        "deepar",
        "DeepAR",
        DeepAR,
        defaults={"hidden": 40, "layers": 2, "dropout": 0.1, "learning_rate": 2e-3, "epochs": 20, "batch_size": 128},
        space={
            "hidden": {"int": [16, 96], "log": True},
            "layers": {"int": [1, 3]},
            "dropout": {"float": [0.0, 0.3]},
            "learning_rate": {"float": [3e-4, 1e-2], "log": True},
        },
    ),
)
