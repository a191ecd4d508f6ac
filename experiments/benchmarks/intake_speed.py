"""Index, decode and store of 512 x 512 CT with all hashes on, beside MONAI's LoadImage(PydicomReader) alone.

Ours is one command, ``workbench index FOLDER cohort=ct prepare=SIZE``: walk, headers, keys, decoding, exact and
perceptual hash, measures of quality, manifest, report, store. MONAI's transform loads each file and returns its pixels.

The slices have the header of a real one, all of which MONAI turns into metadata. Same files, same number of
processes, one run: rounds of both alternate, and the ratio is taken of the medians. Ours counts everything that the
command does once Python runs, starting its processes included; MONAI's processes are started and warm before its clock
runs, and it stores nothing. The files are read once before, so neither waits for the disk. Where other work shares the
machine, the ratio of processor time is steadier than that of the clock: both are told.

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

import psutil

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


def ours(folder: Path, workspace_folder: Path, size: int, workers: int) -> tuple[float, float]:
    """Seconds by the clock, and of processor time in all processes."""
    from workbench.config import load_settings
    from workbench.runs.workspace import Workspace
    from workbench.verbs.index import IndexSettings, index

    shutil.rmtree(workspace_folder, ignore_errors=True)
    workspace = Workspace(workspace_folder)
    values = {"sources": [str(folder)], "cohort": "ct", "prepare": size, "workers": workers}
    began, used = time.perf_counter(), sum(os.times()[:4])
    found = index(load_settings(IndexSettings, values=values), workspace=workspace)
    seconds, used = time.perf_counter() - began, sum(os.times()[:4]) - used
    if found.refused or found.store is None or found.store.refused or found.scans != found.store.scans:
        raise SystemExit(f"not all scans went through: {found}")
    return seconds, used


def used_by(processes: list[psutil.Process]) -> float:
    """Processor time of some processes so far, s."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def main() -> None:
    from generated_scans import add_arguments, generate  # not above: processes that start import this file

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
        processes = [psutil.Process(pid) for pid in pool._processes]
        for number in range(arguments.rounds):
            rounds.append(ours(scans, arguments.folder / "workspace", arguments.size, arguments.workers))
            began, used = time.perf_counter(), used_by(processes)
            shapes = set(pool.map(load_with_monai, files, chunksize=16))
            peers.append((time.perf_counter() - began, used_by(processes) - used))
            assert shapes == {(arguments.side, arguments.side)}, shapes
            mine, peer = rounds[-1], peers[-1]
            told = f"ours {mine[0]:.2f} s, processor {mine[1]:.2f} s; MONAI {peer[0]:.2f} s, processor {peer[1]:.2f} s"
            print(f"round {number + 1}: {told}", file=sys.stderr, flush=True)
    (mine, mine_used), (peer, peer_used) = (
        [statistics.median(column) for column in zip(*table, strict=True)] for table in (rounds, peers)
    )
    result = {
        "benchmark": "intake_speed",
        "files": arguments.files,
        "side": arguments.side,
        "size": arguments.size,
        "workers": arguments.workers,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load_before": os.getloadavg()[0],
        "ours_files_per_s": arguments.files / mine,
        "monai_files_per_s": arguments.files / peer,
        "ratio": peer / mine,
        "ratios": [theirs / our for (our, _), (theirs, _) in zip(rounds, peers, strict=True)],
        "processor_ms_per_file": {
            "ours": 1e3 * mine_used / arguments.files,
            "monai": 1e3 * peer_used / arguments.files,
            "ratio": peer_used / mine_used,
        },
        "goal": 8,
        "required": 5,
    }
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
