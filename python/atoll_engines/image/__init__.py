"""Images: one or several labels for each, by networks that learn from the pixels."""
