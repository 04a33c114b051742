"""Model emission: a fitted model as ONNX nodes that answer as the library does."""
