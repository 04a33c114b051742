"""Text in, another text out."""
