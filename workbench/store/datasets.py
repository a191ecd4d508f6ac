"""What training reads from a store: unit images, and streams of batches that can be taken up again anywhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from workbench.errors import InputError
from workbench.runs.seeds import mix
from workbench.store.store import Store

AHEAD = 2


class UnitImages:
    """Some scans of a store as images in [0, 1].

    A value x becomes (x - low) / (high - low), cut to [0, 1], by the scan's own display range. Letterbox and padding
    are 0.

    Args:
        store: The store.
        rows: ``(N,)`` rows of the store, as ``store.rows_of`` gives them; all when None.
        window: Lowest and highest value shown, in the store's units (HU), in place of the scans' own ranges.
        cache_mb: Hold the pixels in memory where they take no more than this, MB; of use where the store lies on a
            network drive. 0 leaves them to the mapped files, which the operating system keeps in memory by itself.
    """

    def __init__(
        self,
        store: Store,
        rows: Sequence[int] | NDArray[Any] | None = None,
        *,
        window: tuple[float, float] | None = None,
        cache_mb: float = 0.0,
    ) -> None:
        self.store = store
        self.rows = np.arange(len(store)) if rows is None else np.asarray(rows, dtype=np.int64)
        if window is None:
            low = store.column("low").astype(np.float32)[self.rows]
            high = store.column("high").astype(np.float32)[self.rows]
        else:
            if not window[0] < window[1]:
                raise InputError("A window goes from its lowest to its highest value.", where=f"window={window}")
            low, high = (np.full(len(self.rows), edge, np.float32) for edge in window)
        scale = 1 / (high - low)
        self._scale = scale.reshape(-1, 1, 1, 1)
        self._shift = (-low * scale).reshape(-1, 1, 1, 1)
        held = len(self.rows) * int(np.prod(store.shape)) * store.dtype.itemsize
        self._held = store.read(self.rows) if held <= cache_mb * 1e6 else None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one image: ``(C, H, W)``."""
        return self.store.shape

    def batch(self, positions: Sequence[int] | NDArray[Any]) -> Tensor:
        """The images at some places of ``rows``: float32 ``(N, C, H, W)`` in [0, 1]."""
        places = np.asarray(positions, dtype=np.int64)
        raw = self.store.read(self.rows[places]) if self._held is None else self._held[places]
        images = np.multiply(raw, self._scale[places], dtype=np.float32, casting="unsafe")
        images += self._shift[places]
        return torch.from_numpy(np.clip(images, 0, 1, out=images))


class BatchStream:
    """Batches of unit images, epoch after epoch, in an order that is a function of the seed and the epoch alone.

    One iteration is one epoch, the next one the next epoch. ``state_dict`` tells the place after the batch yielded
    last, so a stream that loads it goes on with exactly the batches that would have come. Batches are made ahead in
    threads while the step runs.

    Args:
        images: The images.
        batch_size: Images per batch.
        seed: Of the order.
        drop_last: Leave out the last batch of an epoch where it is not full.
        shuffle: Another order each epoch; False goes through the images as they are.
        workers: Threads that make batches ahead; 0 makes each when it is asked for.
        pin_memory: Put batches where a GPU can fetch them while it computes.
    """

    def __init__(
        self,
        images: UnitImages,
        batch_size: int,
        seed: int = 0,
        *,
        drop_last: bool = True,
        shuffle: bool = True,
        workers: int = 1,
        pin_memory: bool = False,
    ) -> None:
        if batch_size < 1:
            raise InputError("A batch has at least one image.", where=f"batch_size={batch_size}")
        self.images, self.batch_size, self.seed = images, batch_size, seed
        self.drop_last, self.shuffle, self.workers, self.pin_memory = drop_last, shuffle, workers, pin_memory
        self.epoch = 0
        self.done = 0

    def __len__(self) -> int:
        """Batches per epoch."""
        whole, rest = divmod(len(self.images), self.batch_size)
        return whole + (1 if rest and not self.drop_last else 0)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Positions of an epoch (the first is 0) in the order of reading."""
        if not self.shuffle:
            return np.arange(len(self.images))
        return np.random.default_rng(mix(self.seed, "order", epoch)).permutation(len(self.images))

    def __iter__(self) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        """The epoch's batches from the present place on: positions ``(N,)`` and images ``(N, C, H, W)``."""
        epoch, order, length = self.epoch, self.order(self.epoch), len(self)
        batches = (order[number * self.batch_size :][: self.batch_size] for number in range(self.done, length))
        for positions, images in self._made_ahead(batches):
            self.done += 1
            if self.done >= length:
                self.epoch, self.done = epoch + 1, 0
            yield positions, images

    def state_dict(self) -> dict[str, int]:
        """The place after the batch yielded last."""
        return {"seed": self.seed, "batch_size": self.batch_size, "epoch": self.epoch, "batch": self.done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a place.

        Raises:
            InputError: It was taken from a stream with another seed, batch size or number of images.
        """
        for name in ("seed", "batch_size"):
            if state[name] != getattr(self, name):
                raise InputError(
                    f"The place belongs to a stream with {name}={state[name]}, not {getattr(self, name)}.",
                    todo="Resume with the settings of the run.",
                )
        self.epoch, self.done = int(state["epoch"]), int(state["batch"])
        if self.done >= max(len(self), 1):
            raise InputError("The place lies behind the end of an epoch; the scans are not those of the run.")

    def _make(self, positions: NDArray[np.int64]) -> Tensor:
        images = self.images.batch(positions)
        return images.pin_memory() if self.pin_memory else images

    def _made_ahead(self, batches: Iterator[NDArray[np.int64]]) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
        if self.workers == 0:
            for positions in batches:
                yield positions, self._make(positions)
            return
        waiting: deque[tuple[NDArray[np.int64], Future[Tensor]]] = deque()
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="batches")
        try:
            for positions in batches:
                waiting.append((positions, pool.submit(self._make, positions)))
                if len(waiting) > AHEAD * self.workers:
                    positions, made = waiting.popleft()
                    yield positions, made.result()
            while waiting:
                positions, made = waiting.popleft()
                yield positions, made.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
