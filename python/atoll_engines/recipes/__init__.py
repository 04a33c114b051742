"""Recipes: typed preparation steps, fitted on training rows, that also write themselves into the serving graph."""

from .auto import auto_recipe
from .derived import propose_derived
from .fitted import FittedRecipe, fit_recipe
from .graph import GraphBuilder
from .named import named_columns
from .raw import InputColumn, raw_tensors

__all__ = ["FittedRecipe", "GraphBuilder", "InputColumn", "auto_recipe", "fit_recipe", "named_columns", "propose_derived", "raw_tensors"]
