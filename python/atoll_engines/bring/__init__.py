"""Models that were made elsewhere: loaded by their own library in a sandbox, written as one graph where that is proven."""
