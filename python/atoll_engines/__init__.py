"""The engines of Atoll: jobs that run in a folder, without a server, a network or the platform."""

import os

# ONNX Runtime reports to its maker unless it finds this before it is loaded; engines run by hand must not either.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
