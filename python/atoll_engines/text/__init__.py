"""Engines for text: classification, several labels a row, numbers, labels of tokens, and text to text."""
