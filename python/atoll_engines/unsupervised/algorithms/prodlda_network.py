"""The network of ProdLDA and its training, by torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from atoll_engines.unsupervised.algorithms.model import Setting

BATCH = 200


class Network(nn.Module):
    """An encoder to the mean and spread of a text's topics, and a decoder to its words."""

    def __init__(self, words: int, topics: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(words, hidden), nn.Linear(hidden, hidden)
        self.mean, self.spread = nn.Linear(hidden, topics), nn.Linear(hidden, topics)
        # Without scales of their own these keep the topics from collapsing into one (section 3.3 of the paper).
        self.mean_norm, self.spread_norm = nn.BatchNorm1d(topics, affine=False), nn.BatchNorm1d(topics, affine=False)
        self.dropout = nn.Dropout(dropout)
        self.beta = nn.Parameter(torch.empty(topics, words))
        nn.init.xavier_uniform_(self.beta)
        self.word_norm = nn.BatchNorm1d(words, affine=False)
        # The Laplace approximation of a Dirichlet prior with a concentration of one for each topic.
        self.register_buffer("prior_variance", torch.tensor(1 - 1 / topics))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The loss: what the words cost, and how far the topics are from their prior."""
        hidden = self.dropout(functional.softplus(self.second(functional.softplus(self.first(x)))))
        mean, log_variance = self.mean_norm(self.mean(hidden)), self.spread_norm(self.spread(hidden))
        variance = log_variance.exp()
        drawn = mean + variance.sqrt() * torch.randn_like(mean)
        topics = self.dropout(functional.softmax(drawn, dim=1))
        words = functional.log_softmax(self.word_norm(topics @ self.beta), dim=1)
        cost = -(x * words).sum(dim=1)
        prior = self.prior_variance
        distance = 0.5 * (variance / prior + mean**2 / prior + prior.log() - log_variance - 1).sum(dim=1)
        return (cost + distance).mean()


def fit_network(x: np.ndarray, params: dict[str, Any], setting: Setting) -> dict[str, Any]:
    """Train by Adam with the paper's high momentum; the arrays that answering needs."""
    torch.manual_seed(setting.seed)
    torch.set_num_threads(max(1, setting.threads))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = Network(x.shape[1], int(params["topics"]), int(params["hidden"]), float(params["dropout"])).to(device)
    optimiser = torch.optim.Adam(network.parameters(), lr=float(params["learning_rate"]), betas=(0.99, 0.999))
    # Texts without a known word would teach the empty text.
    rows = torch.from_numpy(np.ascontiguousarray(x[x.sum(axis=1) > 0], np.float32)).to(device)
    order = torch.Generator().manual_seed(setting.seed)
    loss = torch.tensor(0.0)
    network.train()
    for _ in range(int(params["epochs"])):
        for batch in torch.randperm(len(rows), generator=order).split(BATCH):
            if len(batch) < 2:
                continue
            loss = network(rows[batch.to(device)])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
    return arrays_of(network, rows, float(loss.detach()))


def arrays_of(network: Network, rows: torch.Tensor, loss: float) -> dict[str, Any]:
    """Weights as float32 arrays, with the normalisations as a scale and a shift."""
    network.eval()

    def layer(linear: nn.Linear) -> tuple[np.ndarray, np.ndarray]:
        return linear.weight.detach().cpu().numpy().T.copy(), linear.bias.detach().cpu().numpy().copy()

    def norm(one: nn.BatchNorm1d) -> tuple[np.ndarray, np.ndarray]:
        scale = 1 / torch.sqrt(one.running_var + one.eps)
        return scale.cpu().numpy(), (-one.running_mean * scale).cpu().numpy()

    with torch.no_grad():
        hidden = functional.softplus(network.second(functional.softplus(network.first(rows))))
        shares = functional.softmax(network.mean_norm(network.mean(hidden)), dim=1).mean(dim=0).cpu().numpy()
    mean_scale, mean_shift = norm(network.mean_norm)
    word_scale, word_shift = norm(network.word_norm)
    return {
        "first": layer(network.first), "second": layer(network.second), "mean": layer(network.mean),
        "mean_scale": mean_scale, "mean_shift": mean_shift, "word_scale": word_scale, "word_shift": word_shift,
        "beta": network.beta.detach().cpu().numpy().copy(), "shares": shares, "loss": loss,
    }  # fmt: skip
