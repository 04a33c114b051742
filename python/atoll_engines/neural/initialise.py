"""First weights: Kaiming for rectifiers, Xavier for the rest, zeros for biases."""

from __future__ import annotations

from torch import nn

WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d)


def initialise(module: nn.Module, kind: str = "kaiming") -> nn.Module:
    """Draw every linear and convolutional weight anew: `kaiming` (He et al. 2015) or `xavier` (Glorot and Bengio 2010)."""
    for layer in module.modules():
        if isinstance(layer, WEIGHTED):
            if kind == "xavier":
                nn.init.xavier_uniform_(layer.weight)
            else:
                nn.init.kaiming_normal_(layer.weight, mode="fan_out" if layer.weight.ndim > 2 else "fan_in", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.Embedding):
            nn.init.normal_(layer.weight, std=0.02)
    return module
