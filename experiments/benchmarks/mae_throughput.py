"""MAE, ViT-S/16 at 224 px: steps with visible patches only, beside the same autoencoder with mask tokens encoded.

Both have the same encoder, decoder, loss, precision and batch; steps alternate in one run, and the ratio is taken of
the medians. The whole training step counts: views, forward, backward, optimiser.

    python experiments/benchmarks/mae_throughput.py --out mae.json
    python experiments/benchmarks/mae_throughput.py --batch 256 --steps 50   # on a GPU
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch import Tensor  # noqa: E402

from workbench.augmentation import AugmentSettings, BatchAugment  # noqa: E402
from workbench.models import build_encoder  # noqa: E402
from workbench.pretraining.mae import Mae, MaeSettings  # noqa: E402
from workbench.pretraining.methods import METHODS  # noqa: E402
from workbench.training.optimizer import build_optimizer  # noqa: E402
from workbench.training.precision import choose_precision  # noqa: E402
from workbench.training.settings import TrainSettings  # noqa: E402


class EncodesMaskTokens(Mae):
    """The same autoencoder, but hidden patches go through the encoder as mask tokens (as in BEiT and SimMIM)."""

    def decode(self, images: Tensor, kept: Tensor, hidden: Tensor) -> Tensor:
        from lightly.models.utils import get_at_index

        tokens = self.masked.encode(images=self.encoder.normalise(images), idx_mask=hidden)
        return self.predict(get_at_index(self.decoder(self.embed(tokens)), hidden))


def build(kind: type[Mae], arguments: argparse.Namespace, device: str) -> tuple[Mae, torch.optim.Optimizer]:
    torch.manual_seed(0)
    encoder = build_encoder(arguments.encoder, size=arguments.size, patch_size=arguments.patch, seed=0)
    augment = BatchAugment(AugmentSettings(**METHODS["mae"].augment), arguments.size)
    task = kind(encoder, augment, MaeSettings(mask_ratio=arguments.mask_ratio)).to(device).train()
    task.masked.mask_token.requires_grad_(kind is EncodesMaskTokens)
    return task, build_optimizer(task, TrainSettings())


def step(task: Mae, optimizer: torch.optim.Optimizer, images: Tensor, generator: torch.Generator, bf16: bool) -> float:
    device = images.device.type
    if device == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    with torch.autocast(device, dtype=torch.bfloat16, enabled=bf16):
        loss = task.training_step(images, None, generator=generator)["loss"]
    loss.backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def waiting(arguments: argparse.Namespace) -> dict:
    """The whole loop on real scans from a store: images per second and the share of time spent waiting for data."""
    from experiments.benchmarks.phantom_store import open_store
    from workbench.store.datasets import BatchStream, UnitImages
    from workbench.training import fit

    images = UnitImages(open_store(arguments.folder / f"mae-{arguments.scans}", arguments.scans, arguments.size))
    task, _ = build(Mae, arguments, "cpu")
    stream = BatchStream(images, arguments.batch, 0, pin_memory=torch.cuda.is_available())
    result = fit(task, stream, TrainSettings(epochs=3, batch_size=arguments.batch), checkpoints=False)
    return {"images_per_s": round(result.history[-1]["images_per_s"], 1), "wait_share": round(result.wait_share, 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    parser.add_argument("--folder", type=Path, help="scratch folder: also run the whole loop on scans from a store")
    parser.add_argument("--scans", type=int, default=600)
    parser.add_argument("--encoder", default="vit_small")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--patch", type=int, default=16)
    parser.add_argument("--mask-ratio", type=float, default=0.75)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()

    device = arguments.device
    precision = choose_precision(TrainSettings(), "vit", device)
    images = torch.rand(arguments.batch, 1, arguments.size, arguments.size, device=device)
    generator = torch.Generator(device=device).manual_seed(0)
    contestants = {"visible only": build(Mae, arguments, device)}
    contestants["mask tokens encoded"] = build(EncodesMaskTokens, arguments, device)
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(arguments.steps + 2):
        for name, (task, optimizer) in contestants.items():
            seconds = step(task, optimizer, images, generator, precision.bf16)
            if number >= 2:  # the first two warm up
                times[name].append(seconds)
    medians = {name: statistics.median(values) for name, values in times.items()}
    figures = {
        "encoder": f"{arguments.encoder}/{arguments.patch}",
        "size": arguments.size,
        "batch": arguments.batch,
        "mask_ratio": arguments.mask_ratio,
        "precision": precision.name,
        "images_per_s": {name: round(arguments.batch / seconds, 1) for name, seconds in medians.items()},
        "ratio": round(medians["mask tokens encoded"] / medians["visible only"], 3),
        "machine": {"processor": platform.processor() or platform.machine(), "threads": torch.get_num_threads()},
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
    }
    if arguments.folder:
        figures["whole loop"] = waiting(arguments)
    text = json.dumps(figures, indent=1)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
