"""Index, decode and store of 512 x 512 CT with all hashes on, beside MONAI's LoadImage(PydicomReader) alone.

The slices have the header of a real one, all of which MONAI turns into metadata. Same files, same number of
processes, one run: rounds of both alternate, and the ratio is taken of the medians. Ours counts everything that the
two commands do, starting processes included; MONAI's processes are started and warm before its clock runs, and it
stores nothing. The files are read once before, so neither waits for the disk.

    python experiments/benchmarks/intake_speed.py --folder /tmp/bench --files 2000
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import shutil
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from generated_scans import add_arguments, generate

os.environ.setdefault("OMP_NUM_THREADS", "1")
_loader = None


def start_monai() -> None:
    global _loader
    import torch

    from workbench.models import torchvision_ops

    torchvision_ops.declare()
    torch.set_num_threads(1)
    from monai.data import PydicomReader
    from monai.transforms import LoadImage

    logging.disable(logging.WARNING)
    _loader = LoadImage(reader=PydicomReader(), image_only=True)


def load_with_monai(path: str) -> tuple[int, ...]:
    return tuple(_loader(path).shape)


def ours(folder: Path, workspace_folder: Path, size: int, workers: int) -> dict[str, float]:
    from workbench.config import load_settings
    from workbench.runs.workspace import Workspace
    from workbench.verbs.index import IndexSettings, index
    from workbench.verbs.prepare import PrepareSettings, prepare

    shutil.rmtree(workspace_folder, ignore_errors=True)
    workspace = Workspace(workspace_folder)
    began = time.perf_counter()
    settings = load_settings(IndexSettings, values={"sources": [str(folder)], "cohort": "ct", "workers": workers})
    indexed = index(settings, workspace=workspace)
    between = time.perf_counter()
    settings = load_settings(PrepareSettings, values={"cohort": "ct", "size": size, "workers": workers})
    stored = prepare(settings, workspace=workspace)
    ended = time.perf_counter()
    if indexed.refused or stored.refused or indexed.scans != stored.scans:
        raise SystemExit(f"not all scans went through: {indexed}, {stored}")
    return {"index_s": between - began, "prepare_s": ended - between, "total_s": ended - began}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--side", type=int, default=512, help="of the scans, pixels")
    parser.add_argument("--size", type=int, default=256, help="of the store, pixels")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    os.environ["WORKBENCH_SITE_KEY_FILE"] = str(arguments.folder / "site.key")
    scans = arguments.folder / f"ct-{arguments.side}-{arguments.files}"
    files = [str(path) for path in generate(scans, arguments.files, arguments.side)]
    for path in files:
        Path(path).read_bytes()
    rounds, peers = [], []
    with ProcessPoolExecutor(arguments.workers, get_context("spawn"), start_monai) as pool:
        list(pool.map(load_with_monai, files[: 8 * arguments.workers]))
        for number in range(arguments.rounds):
            rounds.append(ours(scans, arguments.folder / "workspace", arguments.size, arguments.workers))
            began = time.perf_counter()
            shapes = set(pool.map(load_with_monai, files, chunksize=16))
            peers.append(time.perf_counter() - began)
            assert shapes == {(arguments.side, arguments.side)}, shapes
            print(f"round {number + 1}: ours {rounds[-1]}, MONAI {peers[-1]:.2f} s", file=sys.stderr, flush=True)
    mine, peer = statistics.median(item["total_s"] for item in rounds), statistics.median(peers)
    result = {
        "benchmark": "intake_speed",
        "files": arguments.files,
        "side": arguments.side,
        "size": arguments.size,
        "workers": arguments.workers,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load_before": os.getloadavg()[0],
        "index_files_per_s": arguments.files / statistics.median(item["index_s"] for item in rounds),
        "prepare_files_per_s": arguments.files / statistics.median(item["prepare_s"] for item in rounds),
        "ours_files_per_s": arguments.files / mine,
        "monai_files_per_s": arguments.files / peer,
        "ratio": peer / mine,
        "ratios": [theirs / item["total_s"] for item, theirs in zip(rounds, peers, strict=True)],
        "goal": 8,
        "required": 5,
    }
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
