"""Contact sheets: what a method makes of some scans, as a PNG in the run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from workbench.pretraining.method import PretrainingTask
from workbench.runs.seeds import mix

MARGIN = 2
SMALLEST_SIDE = 96


def contact_sheet(columns: Sequence[Tensor]) -> np.ndarray:
    """Lay images out, one row per scan and one column per picture of it.

    Args:
        columns: Each ``(N, C, H, W)`` in [0, 1]; one channel is shown grey, of more the first three as RGB.

    Returns:
        ``(rows, columns, 3)`` uint8; images under 96 pixels are enlarged by a whole factor, unsmoothed.
    """
    stacked = torch.stack([column.detach().float().cpu() for column in columns], dim=1).clamp(0, 1)
    rows, across, channels, height, width = stacked.shape
    stacked = stacked.expand(-1, -1, 3, -1, -1) if channels == 1 else stacked[:, :, :3]
    factor = max(1, -(-SMALLEST_SIDE // max(height, width)))
    tiles = (255 * stacked).round().to(torch.uint8).permute(0, 1, 3, 4, 2).numpy()
    tiles = tiles.repeat(factor, axis=2).repeat(factor, axis=3)
    step = (tiles.shape[2] + MARGIN, tiles.shape[3] + MARGIN)
    sheet = np.full((rows * step[0] - MARGIN, across * step[1] - MARGIN, 3), 255, np.uint8)
    for row in range(rows):
        for column in range(across):
            top, left = row * step[0], column * step[1]
            sheet[top : top + tiles.shape[2], left : left + tiles.shape[3]] = tiles[row, column]
    return sheet


def write_pictures(task: PretrainingTask, images: Tensor, file: Path, seed: int = 0) -> Path:
    """Write what the method makes of ``images (N, C, H, W)`` in [0, 1]; the same seed gives the same sheet."""
    from PIL import Image

    device = next(task.parameters()).device
    images = images.to(device)
    generator = torch.Generator(device=device).manual_seed(mix(seed, "pictures"))
    training = task.training
    task.eval()
    with torch.no_grad():
        columns = task.pictures(images, generator)
    task.train(training)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(contact_sheet(columns)).save(file)
    return file
