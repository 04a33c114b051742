"""Samplers and schedulers of a search, of any engine: where to try next, and which trials are worth going on."""
