"""Networks over sounds: a spectrogram made inside the graph, a backbone that turns it into an embedding, and a head."""
