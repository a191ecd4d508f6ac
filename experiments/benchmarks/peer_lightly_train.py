"""Run by the peer's own interpreter: LightlyTrain's SimCLR on a folder of PNG; prints images per second of each epoch.

build/lightly-train/bin/python peer_lightly_train.py PNGS OUT SIZE BATCH EPOCHS PRECISION
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ["LIGHTLY_TRAIN_EVENTS_DISABLED"] = "1"

import torch

try:
    import torchvision  # noqa: F401
except RuntimeError:  # a CUDA build of torchvision beside CPU torch: two schemas are missing
    for name in [name for name in sys.modules if name.startswith("torchvision")]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

import lightly_train
import pytorch_lightning

RATES: list[float] = []


class Clock(pytorch_lightning.Callback):
    """Images per second of every epoch."""

    def on_train_epoch_start(self, trainer, module) -> None:
        self.began, self.steps = time.perf_counter(), 0

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx) -> None:
        self.steps += 1

    def on_train_epoch_end(self, trainer, module) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        RATES.append(self.steps * BATCH / (time.perf_counter() - self.began))


def with_clock(start):
    def begin(self, *arguments, **named):
        named["callbacks"] = [*(named.get("callbacks") or []), Clock()]
        return start(self, *arguments, **named)

    return begin


if __name__ == "__main__":
    pngs, out, size, batch, epochs, precision = sys.argv[1:7]
    BATCH = int(batch)
    for trainer in {pytorch_lightning.Trainer, pytorch_lightning.trainer.trainer.Trainer}:
        trainer.__init__ = with_clock(trainer.__init__)
    lightly_train.pretrain(
        out=out,
        data=pngs,
        model="torchvision/resnet18",
        method="simclr",
        epochs=int(epochs),
        batch_size=BATCH,
        precision=precision,
        transform_args={"image_size": (int(size), int(size))},
        overwrite=True,
    )
    print(json.dumps({"images_per_s": RATES, "version": lightly_train.__version__}))
