"""Pipelines of scikit-learn, step by step as graph nodes in float64."""
