"""SimCLR, ResNet-18, two views: images per second, beside LightlyTrain with its defaults and with bf16.

The same scans at the same size in one run; rounds alternate, the ratio is taken of the medians over epochs, and the
first epoch of each round is left out. LightlyTrain is given the scans as PNG of the training size, so that decoding
costs it next to nothing. Images are counted once, not once per view. The loader's cost is the same training fed one
constant batch. On a GPU, batch 256 and 224 px make sense; the share of time spent waiting for data is told.

    sh experiments/benchmarks/install_lightly_train.sh
    python experiments/benchmarks/simclr_throughput.py --folder /tmp/bench --out simclr.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
PEER = ROOT / "build" / "lightly-train" / "bin" / "python"


def ours(images, arguments: argparse.Namespace, *, constant: bool = False) -> dict:
    from experiments.benchmarks.phantom_store import ConstantStream
    from workbench.augmentation import AugmentSettings, BatchAugment
    from workbench.models import build_encoder
    from workbench.pretraining.simclr import Simclr
    from workbench.store.datasets import BatchStream
    from workbench.training import TrainSettings, fit

    size = images.shape[-1]
    task = Simclr(build_encoder("resnet18", size=size, seed=0), BatchAugment(AugmentSettings(), size))
    stream = BatchStream(images, arguments.batch, 0, pin_memory=arguments.accelerator != "cpu" and has_gpu())
    settings = TrainSettings(
        epochs=arguments.epochs,
        batch_size=arguments.batch,
        accelerator=arguments.accelerator,
        precision=arguments.precision,
    )
    result = fit(task, ConstantStream(stream) if constant else stream, settings, checkpoints=False)
    return {
        "images_per_s": [epoch["images_per_s"] for epoch in result.history],
        "wait_share": result.wait_share,
        "precision": result.precision,
        "channels_last": result.channels_last,
        "device": result.device,
    }


def peer(pngs: Path, arguments: argparse.Namespace, precision: str) -> dict:
    words = [pngs, arguments.folder / "lightly-train", arguments.size, arguments.batch, arguments.epochs, precision]
    script = Path(__file__).with_name("peer_lightly_train.py")
    done = subprocess.run(
        [str(PEER), str(script), *map(str, words)], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    if done.returncode:
        raise SystemExit(f"LightlyTrain failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="scratch folder for scans")
    parser.add_argument("--out", type=Path, help="also write the figures to this JSON file")
    parser.add_argument("--scans", type=int, default=1280)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=4, help="per round; the first is not counted")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--accelerator", default="auto", choices=["auto", "cpu", "gpu"])
    parser.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16"])
    parser.add_argument("--alone", action="store_true", help="without LightlyTrain")
    arguments = parser.parse_args()

    import torch

    import workbench.models  # noqa: F401
    from experiments.benchmarks.phantom_store import open_store, write_pngs
    from workbench.store.datasets import UnitImages

    images = UnitImages(open_store(arguments.folder / f"{arguments.scans}", arguments.scans, arguments.size))
    contestants = {"workbench": lambda: ours(images, arguments)}
    contestants["workbench, constant batch"] = lambda: ours(images, arguments, constant=True)
    if not arguments.alone:
        if not PEER.exists():
            print(f"LightlyTrain is left out: {PEER} is absent. Run experiments/benchmarks/install_lightly_train.sh")
        else:
            pngs = write_pngs(images, arguments.folder / f"png-{arguments.scans}-{arguments.size}")
            contestants["LightlyTrain, defaults"] = lambda: peer(pngs, arguments, "auto")
            contestants["LightlyTrain, bf16"] = lambda: peer(pngs, arguments, "bf16-mixed")

    rates: dict[str, list[float]] = {name: [] for name in contestants}
    facts: dict = {}
    for number in range(arguments.rounds):
        for name, run in contestants.items():
            told = run()
            rates[name] += told.pop("images_per_s")[1:]
            facts[name] = told
            print(f"round {number + 1}  {name:28s} {statistics.median(rates[name]):8.1f} images/s", flush=True)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    mine = medians["workbench"]
    figures = {
        "scans": len(images),
        "size": arguments.size,
        "batch": arguments.batch,
        "images_per_s": {name: round(value, 1) for name, value in medians.items()},
        "ratio": {name: round(mine / value, 3) for name, value in medians.items() if name.startswith("LightlyTrain")},
        "loader_ratio": round(mine / medians["workbench, constant batch"], 3),
        "facts": facts,
        "machine": {"processor": platform.processor() or platform.machine(), "threads": torch.get_num_threads()},
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
    }
    text = json.dumps(figures, indent=1)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
