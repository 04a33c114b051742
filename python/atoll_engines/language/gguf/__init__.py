"""GGUF files (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), written from weights and a tokenizer as they are."""
