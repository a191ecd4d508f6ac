"""Thousands of small ridge-logistic problems minimised at once: batched L-BFGS with a diagonal preconditioner.

Limited-memory BFGS is that of Nocedal & Wright, "Numerical optimization", 2006, algorithm 7.4. The preconditioner is
the diagonal of Boehning's bound on the Hessian (Annals of the Institute of Statistical Mathematics 1992). The step is
judged by slopes alone, which single precision resolves long after differences of the loss have drowned in rounding.
The coordinates of a problem lie side by side in memory: few problems against many rows multiply three times as fast so.
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
        target: ``(B, 1 or P, C, n)``: 0/1 (C = 1, sigmoid) or one-hot (C > 1, softmax).
        mass: ``(B, P, n)``: the weight of each row in each problem, 0 where it is held out; sums to 1 over n.
        penalty: ``(B, P)``: lambda.
    """

    rows: Tensor
    target: Tensor
    mass: Tensor
    penalty: Tensor

    def logits(self, w: Tensor) -> Tensor:
        """``(B, P, C, n)`` at ``w`` ``(B, P, C, Q)``."""
        b, p, c, q = w.shape
        return torch.bmm(w.reshape(b, p * c, q), self.rows.transpose(1, 2)).view(b, p, c, -1)

    def slope(self, w: Tensor) -> Tensor:
        """Gradient ``(B, P, C, Q)`` at ``w``."""
        b, p, c, q = w.shape
        chance = self.logits(w)
        chance = chance.sigmoid_() if c == 1 else torch.softmax(chance, dim=2)
        residual = chance.sub_(self.target).mul_(self.mass.unsqueeze(2))
        gradient = torch.bmm(residual.view(b, p * c, -1), self.rows).view(b, p, c, q)
        gradient[..., :-1].addcmul_(w[..., :-1], _each(self.penalty))
        return gradient

    def preconditioner(self, classes: int) -> Tensor:
        """``(B, P, 1, Q)``: one over the bound on the diagonal of the Hessian."""
        bound = 0.25 if classes == 1 else 0.5
        diagonal = bound * torch.bmm(self.mass, self.rows**2)
        diagonal[..., :-1] += self.penalty.unsqueeze(-1)
        return diagonal.clamp_min_(1e-12).reciprocal_().unsqueeze(2)

    def only(self, draws: Tensor, columns: Tensor) -> Problems:
        """Some draws ``(B',)``, and in each some problems ``(B', P')``."""
        target = self.target[draws]
        if target.shape[1] > 1:
            target = _some(target, columns)
        rows = self.rows if len(draws) == len(self.rows) else self.rows[draws]
        mass = _some(self.mass[draws].unsqueeze(2), columns).squeeze(2)
        return Problems(rows, target, mass, self.penalty[draws].gather(1, columns))


def minimise(
    problems: Problems, start: Tensor, *, tolerance: float = TOLERANCE, most_steps: int = MOST_STEPS
) -> tuple[Tensor, Tensor]:
    """Minimise all problems; each has its own step length and stops by itself.

    Args:
        problems: What to minimise.
        start: ``(B, P, C, Q)`` float32.
        tolerance: A problem is finished when half its squared gradient, in the preconditioner's metric, is below it:
            about how far its loss is above the minimum.
        most_steps: Evaluations after which to give up.

    Returns:
        The minimisers ``(B, P, C, Q)``, and for each problem ``(B, P)`` whether it reached the tolerance.
    """
    found, reached = start.clone(), torch.zeros(start.shape[:2], dtype=torch.bool)
    draw_of = torch.arange(start.shape[0])
    column_of = torch.arange(start.shape[1]).expand(start.shape[0], -1)
    scale = problems.preconditioner(start.shape[2])
    w = start.clone()
    gradient = problems.slope(w)
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
            found[draw_of[:, None], column_of] = w
            reached[draw_of[:, None], column_of] = ~busy
            draws = busy.any(dim=1).nonzero().squeeze(1)
            columns = busy[draws].to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :widest]
            problems = problems.only(draws, columns)
            draw_of, column_of = draw_of[draws], column_of[draws].gather(1, columns)
            busy, gamma, length, accepted = (t[draws].gather(1, columns) for t in (busy, gamma, length, accepted))
            w, gradient, direction, scale = (_some(t[draws], columns) for t in (w, gradient, direction, scale))
            memory = [
                (_some(s[draws], columns), _some(y[draws], columns), rho[draws].gather(1, columns))
                for s, y, rho in memory
            ]
        slope = _dot(gradient, direction)
        step = _each(torch.where(busy, length, torch.zeros_like(length))) * direction
        ahead = problems.slope(w + step)
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
    found[draw_of[:, None], column_of] = w
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
    """``(B, P, C, Q)`` twice to ``(B, P)``."""
    return (a * b).flatten(2).sum(dim=2)


def _each(value: Tensor) -> Tensor:
    return value[:, :, None, None]


def _some(t: Tensor, columns: Tensor) -> Tensor:
    """Problems ``(B, P')`` of a tensor ``(B, P, ?, ?)``."""
    return t.gather(1, _each(columns).expand(-1, -1, *t.shape[2:]))
