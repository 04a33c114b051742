"""Sounds with labels: what is heard, or who speaks."""
