"""Boosted trees from the libraries' own files."""
