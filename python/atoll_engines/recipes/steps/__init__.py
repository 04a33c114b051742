"""One file per subject of step."""
