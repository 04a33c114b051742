"""`python -m atoll_engines.steps` prints the catalogue of recipe steps as JSON."""

import sys
from pathlib import Path

CATALOGUE = Path(__file__).parent / "recipes" / "catalogue.json"

if __name__ == "__main__":
    sys.stdout.write(CATALOGUE.read_text("utf-8"))
