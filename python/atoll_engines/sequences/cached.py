"""A decoder that keeps what it has worked out: a token costs one step, not all those before it again."""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput


def crossings(network: Any) -> list[tuple[Any, Any, int]] | None:
    """Of each layer of the decoder what makes keys and values of the encoder's states, and the heads; None for one not known here."""
    decoder = network.get_decoder()
    try:
        if hasattr(decoder, "block"):
            found = [layer.layer[1].EncDecAttention for layer in decoder.block]
            return [(one.k, one.v, int(one.n_heads)) for one in found]
        found = [layer.encoder_attn for layer in decoder.layers]
        return [(one.k_proj, one.v_proj, int(one.num_heads)) for one in found]
    except AttributeError:
        return None


class Crossed(torch.nn.Module):
    """The encoder, and after it the keys and values that every step of the decoder looks at: [2 x layers, rows, heads, places, width]."""

    def __init__(self, encoder: Any, network: Any) -> None:
        super().__init__()
        self.encoder, self.network = encoder, network

    def forward(self, *inputs: Any) -> Any:
        return crossed_of(self.network, self.encoder(*inputs))


def crossed_of(network: Any, hidden: torch.Tensor) -> torch.Tensor:
    keys, values = [], []
    for to_key, to_value, heads in crossings(network) or []:
        keys.append(by_head(to_key(hidden), heads))
        values.append(by_head(to_value(hidden), heads))
    return torch.stack(keys + values)


def by_head(states: torch.Tensor, heads: int) -> torch.Tensor:
    return states.view(states.shape[0], states.shape[1], heads, -1).transpose(1, 2)


class Step(torch.nn.Module):
    """One token after those whose keys and values are `past` → the next one's logits, and `past` with this token's."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        self.layers, self.width = len(crossings(network) or []), int(network.config.d_model)

    def forward(self, input_ids: Any, past: Any, crossed: Any, attention_mask: Any = None) -> Any:
        count = self.layers
        own, other = DynamicCache(), DynamicCache()
        own.layers = [filled(past[at], past[count + at]) for at in range(count)]
        other.layers = [filled(crossed[at], crossed[count + at]) for at in range(count)]
        cache = EncoderDecoderCache(own, other)
        cache.is_updated = dict.fromkeys(range(count), True)
        # Only its size is looked at: the keys and values stand for the encoder's states.
        hidden = crossed[0].transpose(1, 2).flatten(2)[:, :, :1].expand(-1, -1, self.width)
        masked = {} if attention_mask is None else {"attention_mask": attention_mask}
        out = self.network(
            encoder_outputs=BaseModelOutput(last_hidden_state=hidden),
            decoder_input_ids=input_ids,
            past_key_values=cache,
            use_cache=True,
            **masked,
        )
        layers = out.past_key_values.self_attention_cache.layers
        return out.logits[:, -1], torch.stack([one.keys for one in layers] + [one.values for one in layers])


def filled(keys: torch.Tensor, values: torch.Tensor) -> DynamicLayer:
    layer = DynamicLayer()
    layer.keys, layer.values, layer.is_initialized = keys, values, True
    layer.dtype, layer.device = keys.dtype, keys.device
    return layer
