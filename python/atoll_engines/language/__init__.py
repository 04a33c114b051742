"""Causal language models: pre-trained, fine-tuned whole or by adapters, tuned by preferences; served as GGUF."""
