"""Speech recognition: recordings in, what is said out."""
