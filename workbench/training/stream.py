"""What the loop reads: a stream of batches, cut to the length of the run, with its place kept for resuming."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from workbench.errors import InputError


class Stream(Protocol):
    """What :func:`workbench.training.fit` needs of a stream; :class:`workbench.store.datasets.BatchStream` is one.

    One iteration is one epoch, in an order that is a function of the seed and the epoch; the next iteration is the
    next epoch. ``state_dict`` tells the place after the batch yielded last; after ``load_state_dict`` the next
    iteration goes on from there. Both hold plain numbers.
    """

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[tuple[Any, Tensor]]: ...

    def state_dict(self) -> dict[str, Any]:
        """The place after the batch yielded last."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Make the next iteration go on from a place."""
        ...


@dataclass
class Batch:
    """One batch with its place in the run.

    Attributes:
        positions: ``(N,)`` where the images lie in the stream's set.
        images: ``(N, C, H, W)`` float32 in [0, 1].
        epoch: Which pass over the data, from 1.
        ends_epoch: Whether it is the last of its epoch.
        scans: Scans in the batch over all devices.
    """

    positions: Any
    images: Tensor
    epoch: int
    ends_epoch: bool
    scans: int


class RunStream:
    """All batches of a run one after another, over the borders of epochs.

    Args:
        stream: Yields one epoch per iteration.
        batches: Batches in the whole run.
        done: Batches that a resumed run has behind it; the stream's state must have been loaded.
        rank, world: Which share of every batch this process takes.

    Raises:
        InputError: The stream is empty, or a batch has fewer scans than there are processes.
    """

    def __init__(self, stream: Stream, batches: int, *, done: int = 0, rank: int = 0, world: int = 1) -> None:
        self.stream, self.batches, self.done, self.rank, self.world = stream, batches, done, rank, world
        self.waited_s = 0.0
        if len(stream) == 0:
            raise InputError(
                "There are too few scans for one batch.", todo="Use a smaller batch_size, or index more scans."
            )

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[Batch]:
        length = len(self.stream)
        while self.done < self.batches:
            epoch = iter(self.stream)
            while self.done < self.batches:
                began = time.perf_counter()
                item = next(epoch, None)
                self.waited_s += time.perf_counter() - began
                if item is None:
                    break
                number, place = divmod(self.done, length)
                self.done += 1
                yield self._share(item[0], item[1], number + 1, place + 1 == length)

    def _share(self, positions: Any, images: Tensor, epoch: int, ends: bool) -> Batch:
        scans = len(images)
        if self.world > 1:
            if scans < self.world:
                raise InputError(f"A batch of {scans} scans cannot be shared by {self.world} devices.")
            positions, images = np.asarray(positions)[self.rank :: self.world], images[self.rank :: self.world]
        return Batch(positions, images, epoch, ends, scans)
