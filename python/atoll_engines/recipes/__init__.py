"""Recipes: typed preparation steps, fitted on training rows, that also write themselves into the serving graph."""

from .fitted import FittedRecipe, fit_recipe
from .graph import GraphBuilder
from .raw import InputColumn, raw_tensors

__all__ = ["FittedRecipe", "GraphBuilder", "InputColumn", "fit_recipe", "raw_tensors"]
