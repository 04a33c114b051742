"""Words as vectors: words that stand in the same company lie near one another."""
