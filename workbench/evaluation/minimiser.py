"""Thousands of small ridge-logistic problems minimised at once: batched L-BFGS with a diagonal preconditioner.

Limited-memory BFGS is that of Nocedal & Wright, "Numerical optimization", 2006, algorithm 7.4. The preconditioner is
the diagonal of Boehning's bound on the Hessian (Annals of the Institute of Statistical Mathematics 1992). The step is
judged by slopes alone, which single precision resolves long after differences of the loss have drowned in rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

MEMORY = 6
TOLERANCE = 1e-8
MOST_STEPS = 300
SLOPE_LEFT = 0.5


@dataclass
class Problems:
    """A stack of problems that share rows: B draws, P problems in each.

    A problem minimises ``sum_i m_i loss_i + (lambda / 2) |W|^2``; its last coordinate, the intercept, is not penalised.

    Attributes:
        rows: ``(B, n, Q)`` float32; the last column is all ones.
        target: ``(B, n, 1 or P, C)``: 0/1 (C = 1, sigmoid) or one-hot (C > 1, softmax).
        mass: ``(B, n, P)``: the weight of each row in each problem, 0 where it is held out; sums to 1 over n.
        penalty: ``(B, P)``: lambda.
    """

    rows: Tensor
    target: Tensor
    mass: Tensor
    penalty: Tensor

    def slope(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Gradient ``(B, Q, P, C)`` at ``w``, and the logits ``(B, n, P, C)`` there."""
        b, q, p, c = w.shape
        logits = torch.bmm(self.rows, w.reshape(b, q, p * c)).view(b, -1, p, c)
        chance = torch.sigmoid(logits) if c == 1 else torch.softmax(logits, dim=-1)
        residual = chance.sub_(self.target).mul_(self.mass.unsqueeze(-1))
        gradient = torch.bmm(self.rows.transpose(1, 2), residual.view(b, -1, p * c)).view(b, q, p, c)
        gradient[:, :-1].addcmul_(w[:, :-1], self.penalty[:, None, :, None])
        return gradient, logits

    def preconditioner(self, classes: int) -> Tensor:
        """``(B, Q, P, 1)``: one over the bound on the diagonal of the Hessian."""
        bound = 0.25 if classes == 1 else 0.5
        diagonal = bound * torch.bmm((self.rows**2).transpose(1, 2), self.mass)
        diagonal[:, :-1] += self.penalty[:, None]
        return diagonal.clamp_min_(1e-12).reciprocal_().unsqueeze(-1)

    def only(self, draws: Tensor, columns: Tensor) -> Problems:
        """Some draws ``(B',)``, and in each some problems ``(B', P')``."""
        target = self.target[draws]
        if target.shape[2] > 1:
            target = _columns(target, columns)
        rows = self.rows if len(draws) == len(self.rows) else self.rows[draws]
        mass = self.mass[draws].gather(2, columns[:, None].expand(-1, self.mass.shape[1], -1))
        return Problems(rows, target, mass, self.penalty[draws].gather(1, columns))


def minimise(
    problems: Problems, start: Tensor, *, tolerance: float = TOLERANCE, most_steps: int = MOST_STEPS
) -> tuple[Tensor, Tensor]:
    """Minimise all problems; each has its own step length and stops by itself.

    Args:
        problems: What to minimise.
        start: ``(B, Q, P, C)`` float32.
        tolerance: A problem is finished when half its squared gradient, in the preconditioner's metric, is below it:
            about how far its loss is above the minimum.
        most_steps: Evaluations after which to give up.

    Returns:
        The minimisers ``(B, Q, P, C)``, and for each problem ``(B, P)`` whether it reached the tolerance.
    """
    found, reached = start.clone(), torch.zeros(start.shape[0], start.shape[2], dtype=torch.bool)
    draw_of = torch.arange(start.shape[0])
    column_of = torch.arange(start.shape[2]).expand(start.shape[0], -1)
    scale = problems.preconditioner(start.shape[3])
    w = start.clone()
    gradient, _ = problems.slope(w)
    busy = _dot(gradient, scale * gradient) >= 2 * tolerance
    memory: list[tuple[Tensor, Tensor, Tensor]] = []
    gamma = torch.ones_like(busy, dtype=w.dtype)
    direction = -scale * gradient
    length = torch.ones_like(gamma)
    accepted = torch.ones_like(busy)
    for _ in range(most_steps):
        if not bool(busy.any()):
            break
        widest = int(busy.sum(dim=1).max())
        if 2 * widest <= busy.shape[1] or 2 * int(busy.any(dim=1).sum()) <= len(busy):
            found[draw_of[:, None], :, column_of] = w.transpose(1, 2)
            reached[draw_of[:, None], column_of] = ~busy
            draws = busy.any(dim=1).nonzero().squeeze(1)
            columns = busy[draws].to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :widest]
            problems = problems.only(draws, columns)
            draw_of, column_of = draw_of[draws], column_of[draws].gather(1, columns)
            busy, gamma, length, accepted = (t[draws].gather(1, columns) for t in (busy, gamma, length, accepted))
            w, gradient, direction, scale = (_columns(t[draws], columns) for t in (w, gradient, direction, scale))
            memory = [
                (_columns(s[draws], columns), _columns(y[draws], columns), rho[draws].gather(1, columns))
                for s, y, rho in memory
            ]
        slope = _dot(gradient, direction)
        step = _each(torch.where(busy, length, torch.zeros_like(length))) * direction
        ahead, _ = problems.slope(w + step)
        slope_ahead = _dot(ahead, direction)
        accepted = busy & (slope_ahead <= SLOPE_LEFT * slope.abs())
        take = _each(accepted)
        change = torch.where(take, ahead - gradient, torch.zeros_like(ahead))
        step = torch.where(take, step, torch.zeros_like(step))
        w = w + step
        gradient = gradient + change
        curvature, stretch = _dot(step, change), _dot(change, scale * change)
        useful = accepted & (curvature > 1e-6 * stretch) & (stretch > 0)
        rho = torch.where(
            useful, 1.0 / torch.where(useful, curvature, torch.ones_like(curvature)), torch.zeros_like(curvature)
        )
        gamma = torch.where(useful, curvature / torch.where(useful, stretch, torch.ones_like(stretch)), gamma)
        memory = [*memory[1 - MEMORY :], (step, change, rho)]
        busy = busy & ~(accepted & (_dot(gradient, scale * gradient) < 2 * tolerance))
        fresh = _two_loops(gradient, scale, gamma, memory)
        direction = torch.where(take, fresh, direction)
        secant = (slope.abs() / (slope.abs() + slope_ahead.clamp_min(0.0))).clamp(0.1, 0.9)
        length = torch.where(accepted, torch.ones_like(length), length * secant)
    found[draw_of[:, None], :, column_of] = w.transpose(1, 2)
    reached[draw_of[:, None], column_of] = ~busy
    return found, reached


def _two_loops(gradient: Tensor, scale: Tensor, gamma: Tensor, memory: list[tuple[Tensor, Tensor, Tensor]]) -> Tensor:
    """The direction -H g, H the inverse Hessian that the remembered steps suggest."""
    q = -gradient
    parts = []
    for s, y, rho in reversed(memory):
        part = rho * _dot(s, q)
        q = torch.addcmul(q, _each(part), y, value=-1)
        parts.append(part)
    q = q * scale * _each(gamma)
    for (s, y, rho), part in zip(memory, reversed(parts), strict=True):
        q = torch.addcmul(q, _each(part - rho * _dot(y, q)), s)
    return q


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """``(B, Q, P, C)`` twice to ``(B, P)``."""
    return (a * b).sum(dim=1).sum(dim=-1)


def _each(value: Tensor) -> Tensor:
    return value[:, None, :, None]


def _columns(t: Tensor, columns: Tensor) -> Tensor:
    """Problems ``(B, P')`` of a tensor ``(B, ?, P, ?)``."""
    return t.gather(2, columns[:, None, :, None].expand(-1, t.shape[1], -1, t.shape[3]))
