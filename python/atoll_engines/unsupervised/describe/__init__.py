"""What a model found, put so that people can look at it."""
