"""What the loader costs: SimCLR steps on a real stream, beside the same steps fed one constant batch.

ResNet-18, 64 px, two views per scan in one forward, augmentation on the device, AdamW. Blocks of steps of both kinds
alternate in one process, so a change of the machine's load hits both; the share is the ratio of the medians. The goal
is 0.95.

    python experiments/benchmarks/loader_share.py --folder /tmp/bench
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator

from generated_scans import add_arguments, generate


def build(arguments: argparse.Namespace):
    """The store of generated scans."""
    from workbench.cohort import Cohort
    from workbench.config import load_settings
    from workbench.runs.workspace import Workspace
    from workbench.store import build_store
    from workbench.verbs.index import IndexSettings, index

    scans = arguments.folder / f"ct-128-{arguments.scans}"
    generate(scans, arguments.scans, 128)
    workspace = Workspace(arguments.folder / f"loader-{arguments.scans}")
    index(load_settings(IndexSettings, values={"sources": [str(scans)], "cohort": "ct"}), workspace=workspace)
    return build_store(Cohort.open(workspace.cohort_dir("ct")), arguments.size, workspace=workspace)


def make_step(arguments: argparse.Namespace, device, bf16: bool) -> Callable:
    """One optimiser step on a batch of images that lie in main memory."""
    import torch

    from workbench.augmentation import AugmentSettings, BatchAugment
    from workbench.models.encoders import build_encoder
    from workbench.pretraining.simclr import Simclr

    torch.manual_seed(0)
    encoder = build_encoder("resnet18", in_channels=1, size=arguments.size)
    task = Simclr(encoder, BatchAugment(AugmentSettings(), arguments.size))
    task = task.to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(task.parameters(), lr=1e-3)
    generator = torch.Generator(device).manual_seed(0)

    def step(positions, images) -> None:
        images = images.to(device, non_blocking=True)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
            loss = task.training_step(images, positions, generator=generator)["loss"]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step


def endless(stream) -> Iterator:
    while True:
        yield from stream


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--scans", type=int, default=4000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--blocks", type=int, default=8, help="blocks of each kind")
    parser.add_argument("--steps", type=int, default=10, help="steps per block")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--bf16", choices=["on", "off"], default="on")
    arguments = parser.parse_args()
    os.environ["WORKBENCH_SITE_KEY_FILE"] = str(arguments.folder / "site.key")
    import torch

    from workbench.store.datasets import BatchStream, UnitImages

    store = build(arguments)
    torch.set_num_threads(arguments.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    step = make_step(arguments, device, arguments.bf16 == "on")
    images = UnitImages(store)
    stream = BatchStream(images, arguments.batch_size, 0, pin_memory=device.type == "cuda")
    constant = (list(range(arguments.batch_size)), images.batch(range(arguments.batch_size)))
    kinds = {"constant": itertools.repeat(constant), "real": endless(stream)}
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    for source in kinds.values():
        for batch in itertools.islice(source, 3):
            step(*batch)
    for block in range(arguments.blocks):
        for kind in sorted(kinds, reverse=block % 2 == 1):
            began = time.perf_counter()
            for batch in itertools.islice(kinds[kind], arguments.steps):
                step(*batch)
            seconds[kind].append((time.perf_counter() - began) / arguments.steps)
            print(f"block {block + 1} {kind}: {seconds[kind][-1] * 1e3:.1f} ms a step", file=sys.stderr, flush=True)
    with contextlib.suppress(AttributeError):
        kinds["real"].close()
    alone = []
    for _ in range(20):
        began = time.perf_counter()
        images.batch(stream.order(0)[: arguments.batch_size])
        alone.append(time.perf_counter() - began)
    middle = {kind: statistics.median(values) for kind, values in seconds.items()}
    result = {
        "benchmark": "loader_share",
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "threads": arguments.threads,
        "batch_size": arguments.batch_size,
        "size": arguments.size,
        "bf16": arguments.bf16,
        "images_per_s_constant": arguments.batch_size / middle["constant"],
        "images_per_s_real": arguments.batch_size / middle["real"],
        "share": middle["constant"] / middle["real"],
        "batch_ms_alone": statistics.median(alone) * 1e3,
        "goal": 0.95,
    }
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
