"""Small tables of sentences that follow a few rules, so that a very small model can learn them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

ANIMALS = {"cow": "grass", "cat": "fish", "hen": "corn", "bear": "honey", "mouse": "cheese", "horse": "hay"}
PLACES = ["barn", "field", "garden", "wood", "house"]


def sentence(random: np.random.Generator) -> str:
    animal = str(random.choice(list(ANIMALS)))
    return f"The {animal} is in the {random.choice(PLACES)} and eats {ANIMALS[animal]}."


def texts(rows: int = 80, seed: int = 0) -> pd.DataFrame:
    """Documents of some sentences."""
    random = np.random.default_rng(seed)
    return pd.DataFrame({"text": [" ".join(sentence(random) for _ in range(3)) for _ in range(rows)]})


def questions(rows: int = 60, seed: int = 1) -> pd.DataFrame:
    """A question about an animal's food, answered in one word; with choices."""
    random = np.random.default_rng(seed)
    made = []
    for _ in range(rows):
        animal = str(random.choice(list(ANIMALS)))
        others = [food for food in ANIMALS.values() if food != ANIMALS[animal]]
        choices = [ANIMALS[animal], *map(str, random.choice(others, 2, replace=False))]
        random.shuffle(choices)
        made.append(
            {
                "prompt": f"What does the {animal} in the {random.choice(PLACES)} eat?", "completion": f" {ANIMALS[animal]}",
                "choices": json.dumps([f" {one}" for one in choices]), "answer": str(choices.index(ANIMALS[animal])),
            }
        )  # fmt: skip
    return pd.DataFrame(made)


def chats(rows: int = 60, seed: int = 2) -> pd.DataFrame:
    """The same questions as chats, a column of JSON; nulls stand where a record lacks a field."""
    frame = questions(rows, seed)
    return pd.DataFrame(
        {
            "messages": [
                json.dumps(
                    [{"role": "user", "content": one.prompt, "name": None}, {"role": "assistant", "content": one.completion.strip()}]
                )
                for one in frame.itertuples()
            ]
        }
    )


def pairs(rows: int = 60, seed: int = 3) -> pd.DataFrame:
    """Of two answers the one that can be eaten is preferred."""
    random = np.random.default_rng(seed)
    frame = questions(rows, seed)
    wrong = [f" {random.choice(['stone', 'sand', 'glass'])}" for _ in range(rows)]
    return pd.DataFrame({"prompt": frame["prompt"], "chosen": frame["completion"], "rejected": wrong})


TYPES = dict.fromkeys(("text", "prompt", "completion", "choices", "answer", "messages", "chosen", "rejected"), "text")
