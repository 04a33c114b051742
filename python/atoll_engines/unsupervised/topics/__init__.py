"""Topics of texts: counted words, what is measured of topics, and how they are shown."""
