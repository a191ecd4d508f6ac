from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from workbench.pretraining.method import PretrainingTask
from workbench.pretraining.pictures import contact_sheet, write_pictures


def test_one_row_per_scan_one_column_per_picture() -> None:
    first, second = torch.zeros(2, 1, 48, 60), torch.ones(2, 1, 48, 60)
    first[1] = 0.2
    sheet = contact_sheet([first, second])
    assert sheet.shape == (2 * 96 + 2, 2 * 120 + 2, 3)  # 60 pixels are enlarged twice
    assert sheet[0, 0].tolist() == [0, 0, 0]
    assert sheet[-1, 0].tolist() == [51, 51, 51]
    assert sheet[0, -1].tolist() == [255, 255, 255]
    assert (sheet[96:98] == 255).all()


def test_colours_stay_and_values_beyond_are_cut() -> None:
    colour = torch.tensor([2.0, -1.0, 0.5]).view(1, 3, 1, 1).expand(1, 3, 128, 128)
    sheet = contact_sheet([colour])
    assert sheet.shape == (128, 128, 3)
    assert sheet[5, 5].tolist() == [255, 0, 128]
    assert contact_sheet([torch.rand(1, 5, 128, 128)]).shape == (128, 128, 3)


class Shifts(PretrainingTask):
    def __init__(self) -> None:
        encoder = nn.Linear(1, 1)
        encoder.is_vit = False  # pyright: ignore
        super().__init__(encoder, lambda images, generator: images)

    def training_step(self, batch: Tensor, positions: object, *, generator: torch.Generator) -> dict[str, Tensor]:
        raise NotImplementedError

    def pictures(self, images: Tensor, generator: torch.Generator) -> list[Tensor]:
        assert not self.training
        return [images, images + torch.rand(1, generator=generator)]


def test_the_sheet_is_written_and_the_mode_put_back(tmp_path: Path) -> None:
    task, images = Shifts().train(), torch.zeros(3, 1, 96, 96)
    files = [write_pictures(task, images, tmp_path / "pictures" / f"{n}.png", seed) for n, seed in enumerate((1, 1, 2))]
    first, again, other = (np.asarray(Image.open(file)) for file in files)
    assert first.shape == (3 * 98 - 2, 2 * 98 - 2, 3)
    assert (first == again).all()
    assert (first != other).any()
    assert task.training
    assert task.on_epoch_end(1) == {}
    task.meters = lambda epoch: {"probe_auc": epoch / 2}
    assert task.on_epoch_end(1) == {"probe_auc": 0.5}
