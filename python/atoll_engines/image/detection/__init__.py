"""Objects in images: where each is, and what."""
