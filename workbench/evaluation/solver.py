"""Ridge-logistic probes for many draws, folds and penalties at once, in a coordinate system that makes them easy.

Ridge regression does not see rotations. The pool is therefore turned to its principal axes once, and a draw of at most
256 scans is reduced to the space its rows span, without loss. Binary and multi-label questions are sigmoids, several
classes one symmetric softmax: the minimisers of scikit-learn's LogisticRegression with C = 1 / (lambda * n).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from workbench.evaluation.minimiser import Problems, minimise

MOST_REDUCED = 256
PENALTIES_AT_ONCE = 2
BLOCK_NUMBERS = 800_000
RANK_FLOOR = 3e-4
FLAT = 1e-4


@dataclass(frozen=True)
class Draw:
    """One draw to solve.

    Attributes:
        rows: ``(n,)`` row indices into the pool.
        target: ``(n, C)``: one-hot for several classes; ``(n, L)`` of 0, 1 and nan otherwise (binary: L = 1).
        fold: ``(n,)`` int.
        folds: Number of folds; below 2 nothing is held out.
        fixed: ``(questions,)`` bool: take the fixed penalty (one question for softmax, else L).
        weight: ``(n,)`` of each scan.
    """

    rows: NDArray[np.int64]
    target: NDArray[np.float32]
    fold: NDArray[np.int64]
    folds: int
    fixed: NDArray[np.bool_]
    weight: NDArray[np.float32]


@dataclass
class Solved:
    """What ``solve`` finds for one draw, in standardised feature space.

    Attributes:
        weights: ``(C, D)`` (C = L for sigmoids).
        bias: ``(C,)``.
        penalty: ``(questions,)``.
        held_out: ``(n, C)`` logits by the folds without the scan; nan where there are none.
        reached: Whether every fit reached its tolerance.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    penalty: NDArray[np.float64]
    held_out: NDArray[np.float32]
    reached: bool


@contextmanager
def one_thread() -> Iterator[None]:
    """Small batched products are slower on several threads, and their sums depend on how many there are.

    Threads that begin inside take over the setting.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def solve(
    pool: NDArray[np.float32],
    draws: Sequence[Draw],
    *,
    softmax: bool,
    penalties: Sequence[float],
    fixed_penalty: float,
) -> list[Solved]:
    """Choose each draw's penalty by pooled out-of-fold log-loss, then fit it on the whole draw.

    Blocks of draws are solved side by side on as many threads as torch may use; how many does not change the result.

    Args:
        pool: ``(N, D)`` standardised features.
        draws: Draws; every class of a softmax, and both answers of a sigmoid question, must occur in each.
        softmax: Several classes against each other; else each target column is a question by itself.
        penalties: Choices of lambda.
        fixed_penalty: Lambda where a draw says ``fixed``.

    Returns:
        One ``Solved`` per draw.
    """
    solved: dict[int, Solved] = {}
    width, threads = pool.shape[1], torch.get_num_threads()
    with one_thread(), torch.inference_mode():
        axes: Tensor | None = None
        turned = torch.as_tensor(pool)
        if width <= len(pool) and any(len(draw.rows) > MOST_REDUCED for draw in draws):
            axes = _principal_axes(turned)
            turned = turned @ axes

        def solved_block(block: list[int]) -> list[Solved]:
            with torch.inference_mode():
                made = _Block(turned, [draws[i] for i in block], softmax).solve(penalties, fixed_penalty)
                if axes is not None:
                    for found in made:
                        found.weights = (torch.as_tensor(found.weights) @ axes.T).numpy()
            return made

        # The largest first, so that no thread is left with one at the end.
        blocks = sorted(_blocks(draws, width), key=lambda block: -sum(len(draws[i].rows) for i in block))
        with ThreadPoolExecutor(max(1, min(threads, len(blocks)))) as pool_of_threads:
            for block, made in zip(blocks, pool_of_threads.map(solved_block, blocks), strict=True):
                solved.update(zip(block, made, strict=True))
    return [solved[i] for i in range(len(draws))]


def _principal_axes(pool: Tensor) -> Tensor:
    """Orthogonal ``(D, D)``: eigenvectors of the pool's Gram matrix."""
    return torch.linalg.eigh(pool.T @ pool).eigenvectors.flip(1).contiguous()


def _blocks(draws: Sequence[Draw], width: int) -> Iterator[list[int]]:
    """Draws of like size and kind together, few enough that a block's rows stay in the cache."""
    order = sorted(
        range(len(draws)), key=lambda i: (bool(draws[i].fixed.all()), draws[i].folds < 2, len(draws[i].rows))
    )
    block: list[int] = []
    for i in order:
        n = len(draws[i].rows)
        numbers = n * min(n, width) if n <= MOST_REDUCED else n * width
        if block:
            first = draws[block[0]]
            alike = first.fixed.all() == draws[i].fixed.all() and (first.folds < 2) == (draws[i].folds < 2)
            near = n <= max(1.25 * len(first.rows), len(first.rows) + 8) and (n <= MOST_REDUCED) == (
                len(first.rows) <= MOST_REDUCED
            )
            if not (alike and near and (len(block) + 1) * numbers <= max(BLOCK_NUMBERS, 2 * numbers)):
                yield block
                block = []
        block.append(i)
    if block:
        yield block


class _Block:
    """Draws solved together: padded to one length with rows of no weight, in reduced or turned coordinates."""

    def __init__(self, pool: Tensor, draws: Sequence[Draw], softmax: bool) -> None:
        self.draws, self.softmax = draws, softmax
        longest = max(len(draw.rows) for draw in draws)
        columns = draws[0].target.shape[1]
        self.outputs = columns if softmax else 1
        self.questions = 1 if softmax else columns
        self.folds = max(1, max(draw.folds for draw in draws))
        taken = torch.zeros(len(draws), longest, pool.shape[1])
        self.weight = torch.zeros(len(draws), self.questions, longest)
        self.fold = torch.full((len(draws), longest), -1)
        self.target = torch.zeros(len(draws), self.questions, self.outputs, longest)
        for b, draw in enumerate(draws):
            n = len(draw.rows)
            taken[b, :n] = pool[torch.as_tensor(draw.rows)]
            known = torch.as_tensor(~np.isnan(draw.target.T))
            self.target[b, ..., :n] = torch.as_tensor(np.nan_to_num(draw.target.T)).view(*self.target.shape[1:3], n)
            weight = torch.as_tensor(draw.weight, dtype=torch.float32)
            self.weight[b, :, :n] = weight if softmax else weight * known
            self.fold[b, :n] = torch.as_tensor(draw.fold)
        filled = (self.fold >= 0).to(taken.dtype).unsqueeze(-1)
        self.centre = (taken * filled).sum(dim=1, keepdim=True) / filled.sum(dim=1, keepdim=True)
        taken = (taken - self.centre) * filled
        self.back: Tensor | None = None
        if longest <= MOST_REDUCED and longest < pool.shape[1]:
            values, vectors = torch.linalg.eigh(torch.bmm(taken, taken.transpose(1, 2)))
            size = values.clamp_min(0.0).sqrt()
            alive = size > RANK_FLOOR * size[:, -1:].clamp_min(1e-30)
            keep = alive.any(dim=0)
            size, vectors, alive = size[:, keep], vectors[:, :, keep], alive[:, keep]
            coordinates = vectors * (size * alive)[:, None]
            inverse = torch.where(alive, 1.0 / size.clamp_min(1e-30), torch.zeros_like(size))
            self.back = torch.bmm((vectors * inverse[:, None]).transpose(1, 2), taken)  # (B, Q, D)
        else:
            coordinates = taken
        self.rows = torch.cat([coordinates, torch.ones(*coordinates.shape[:2], 1)], dim=2)

    def solve(self, penalties: Sequence[float], fixed_penalty: float) -> list[Solved]:
        """Penalties by the folds, then the fit on whole draws."""
        fixed = torch.as_tensor(np.stack([draw.fixed for draw in self.draws]))  # (B, questions)
        grid = sorted({fixed_penalty} if bool(fixed.all()) else {*penalties, fixed_penalty}, reverse=True)
        wanted = torch.tensor([value in penalties or bool(fixed.all()) for value in grid])
        b, (n, q) = len(self.draws), self.rows.shape[1:]
        mass = self._mass(None)
        start = self._intercepts(mass)  # (B, questions, C, Q)
        held_out = torch.full((b, self.questions, self.outputs, n), torch.nan)
        chosen = torch.full((b, self.questions), grid.index(fixed_penalty))
        done = torch.ones(b, dtype=torch.bool)
        if self.folds > 1:
            weights, logits, done = self._path(grid)  # (l, B, questions, C, Q) and (l, B, questions, C, n)
            losses = self._losses(logits).masked_fill(~wanted[:, None, None], torch.inf)
            flat = losses <= losses.min(dim=0).values + FLAT
            best = flat.to(torch.uint8).argmax(dim=0)  # the first is the largest penalty
            chosen = torch.where(fixed, chosen, best)
            at = chosen[None, :, :, None, None].expand(1, -1, -1, self.outputs, -1)
            held_out = logits.gather(0, at.expand(-1, -1, -1, -1, n))[0]
            start = weights.gather(0, at.expand(-1, -1, -1, -1, q))[0]
        problems = Problems(self.rows, self.target, mass, torch.tensor(grid)[chosen])
        fitted, reached = minimise(problems, start)
        done = done & reached.all(dim=1)
        used = np.asarray(grid)[chosen.numpy()]
        return [self._unpack(k, fitted[k], held_out[k], used[k], bool(done[k])) for k in range(b)]

    def _path(self, grid: list[float]) -> tuple[Tensor, Tensor, Tensor]:
        """All folds along the penalties from large to small, each chunk starting where the one before ended.

        Returns:
            For each penalty the mean of the folds' solutions, the logits of every row by the fold that holds it out,
            and for each draw whether all fits reached their tolerance.
        """
        mass = torch.cat([self._mass(fold) for fold in range(self.folds)], dim=1)  # (B, F * questions, n)
        per_penalty, b = mass.shape[1], len(self.draws)
        last = self._intercepts(mass)
        own = self.fold.clamp_min(0)[:, None, None, None, None]
        means, logits, done = [], [], torch.ones(b, dtype=torch.bool)
        for at in range(0, len(grid), PENALTIES_AT_ONCE):
            chunk = grid[at : at + PENALTIES_AT_ONCE]
            many = len(chunk)
            shape = (b, many, self.folds, self.questions, self.outputs, -1)
            penalty = torch.tensor(chunk).repeat_interleave(per_penalty).expand(b, -1).contiguous()
            target = self.target if self.softmax else self.target.repeat(1, many * self.folds, 1, 1)
            problems = Problems(self.rows, target, mass.repeat(1, many, 1), penalty)
            found, reached = minimise(problems, last.repeat(1, many, 1, 1))
            done = done & reached.all(dim=1)
            means += list(found.view(shape).mean(dim=2).unbind(dim=1))
            shaped = problems.logits(found).view(shape)
            logits += list(shaped.gather(2, own.expand(-1, many, 1, *shaped.shape[3:5], -1)).squeeze(2).unbind(dim=1))
            last = found[:, -per_penalty:]
        return torch.stack(means), torch.stack(logits), done

    def _mass(self, held: int | None) -> Tensor:
        """Weight of rows ``(B, questions, n)`` when a fold is held out, summing to 1."""
        weight = self.weight if held is None else self.weight * (self.fold != held).unsqueeze(1)
        return weight / weight.sum(dim=2, keepdim=True).clamp_min(1e-30)

    def _intercepts(self, mass: Tensor) -> Tensor:
        """Start at no weights and the prevalence: ``(B, P, C, Q)`` for masses ``(B, P, n)``."""
        b, p, _ = mass.shape
        start = torch.zeros(b, p, self.outputs, self.rows.shape[2])
        share = (mass.unsqueeze(2) * self.target.repeat(1, p // self.questions, 1, 1)).sum(dim=3)
        if self.softmax:
            share = share.clamp(1e-4, 1.0).log()
            start[..., -1] = share - share.mean(dim=2, keepdim=True)
        else:
            start[..., -1] = torch.logit(share, eps=1e-4)
        return start

    def _losses(self, logits: Tensor) -> Tensor:
        """Pooled out-of-fold log-loss: ``(l, B, questions, C, n)`` to ``(l, B, questions)``."""
        if self.softmax:
            loss = torch.logsumexp(logits, dim=3) - (logits * self.target).sum(dim=3)
        else:
            loss = (functional.softplus(logits) - logits * self.target).squeeze(3)
        return (loss * self.weight).sum(dim=3) / self.weight.sum(dim=2).clamp_min(1e-30)

    def _unpack(self, k: int, fitted: Tensor, held_out: Tensor, penalty: NDArray[np.float64], reached: bool) -> Solved:
        flat = fitted.flatten(0, 1)  # (questions * C, Q)
        weights = flat[:, :-1] if self.back is None else flat[:, :-1] @ self.back[k]
        bias = flat[:, -1] - weights @ self.centre[k, 0]
        out = held_out.flatten(0, 1)[:, : len(self.draws[k].rows)].T
        return Solved(weights.numpy(), bias.numpy(), penalty, out.numpy(), reached)
