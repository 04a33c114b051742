"""Forecasts of time series: from the last values of a series to the next ones, with intervals."""
