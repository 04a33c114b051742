"""Networks of the transformers library: a folder of config.json and safetensors, read without running anything of it."""

from atoll_engines.bring.networks.bringing import bring
from atoll_engines.bring.networks.serving import predict

__all__ = ["bring", "predict"]
