"""Smaller and faster models from trained ones: quantised, pruned, distilled, with fewer inputs."""
