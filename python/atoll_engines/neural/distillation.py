"""The part of a loss that a teacher has (Hinton, Vinyals and Dean 2015)."""

from __future__ import annotations

import torch
from torch.nn import functional


def soft_losses(margins: torch.Tensor, teacher: torch.Tensor, temperature: float, task: str) -> torch.Tensor:
    """One loss for each row: T^2 KL(teacher at T || student at T). The T^2 keeps the gradients' size whatever T is."""
    student = margins / temperature
    teacher = teacher.to(student.dtype) / temperature
    if task == "multilabel":
        wanted = torch.sigmoid(teacher)
        # Less the teacher's own entropy, so that a perfect student has no loss.
        least = functional.binary_cross_entropy_with_logits(teacher, wanted, reduction="none")
        return temperature**2 * (functional.binary_cross_entropy_with_logits(student, wanted, reduction="none") - least).mean(1)
    said, wanted = torch.log_softmax(student, 1), torch.log_softmax(teacher, 1)
    return temperature**2 * functional.kl_div(said, wanted, reduction="none", log_target=True).sum(1)


def mixed(hard: torch.Tensor, soft: torch.Tensor, alpha: float) -> torch.Tensor:
    return alpha * hard + (1 - alpha) * soft
