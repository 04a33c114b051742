"""What happens when memory runs out: the batch is halved, twice as many make up a step, and the training goes on."""

from __future__ import annotations

import gc

import torch

from atoll_engines.errors import BadInput

OUT_OF_MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device, or the machine, has no memory left."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in OUT_OF_MEMORY_WORDS)


def free() -> None:
    """Give back what is cached."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def halved(batch_size: int) -> int:
    """Half the rows at a time."""
    if batch_size == 1:
        raise BadInput(
            "A single row is more than memory holds. Make the network or its inputs smaller, or give the job more memory.",
            parameter="batchSize",
        )
    return batch_size // 2


def sentence(before: int, after: int, accumulate: int, step: int) -> str:
    return (
        f"Memory ran out at step {step} with batches of {before} rows. Training goes on with batches of {after}, "
        f"{accumulate} of which make up a step, so that a step still sees the same rows."
    )
