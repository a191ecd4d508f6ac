"""Batches of a labelled set, pass after pass, as the training loop reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from workbench.finetuning.images import Images
from workbench.runs.seeds import mix


class LabelledStream:
    """Endless passes over a small set, each in an order of its own; batches reach over the borders of passes.

    What the loop calls an epoch is ``batches`` batches, so that a set of ten scans does not make an epoch of each step.

    Args:
        images: The set.
        batch_size: Scans per batch.
        seed: Seeds the orders.
        batches: Batches per iteration.
    """

    def __init__(self, images: Images, batch_size: int, seed: int, batches: int) -> None:
        self.images, self.batch_size, self.seed, self.batches = images, batch_size, seed, batches
        self.done = 0

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        for _ in range(self.batches):
            positions = self.positions(self.done)
            self.done += 1
            yield positions, self.images.batch(positions)

    def positions(self, number: int) -> NDArray[np.int64]:
        """Where the scans of a batch lie in the set, ``(batch_size,)``; the first batch is number 0."""
        size = len(self.images)
        first = number * self.batch_size
        passes = range(first // size, (first + self.batch_size - 1) // size + 1)
        order = np.concatenate([np.random.default_rng(mix(self.seed, "pass", n)).permutation(size) for n in passes])
        return order[first - passes[0] * size :][: self.batch_size]

    def state_dict(self) -> dict[str, Any]:
        """How many batches were yielded."""
        return {"done": self.done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on after the batches that a stopped run yielded."""
        self.done = int(state["done"])
