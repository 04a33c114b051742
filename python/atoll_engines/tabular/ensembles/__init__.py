"""Ensembles: models made of the search's models, as one graph and one package."""
