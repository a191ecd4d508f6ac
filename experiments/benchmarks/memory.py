"""Peak anonymous memory of index, prepare and pretrain at several numbers of scans: it must not grow with them.

Each verb runs as a command of its own, several times, for the spread tells what is noise. Twenty times a second the
anonymous memory of the command and of all its children is summed (Pss_Anon of /proc/PID/smaps_rollup: memory-mapped
files are left out, and what a process shares with its parent right after its start counts once); the peak counts.
Pretraining takes as many steps at each number of scans, because allocators keep a little more with every step.

    python experiments/benchmarks/memory.py --folder /tmp/bench
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil
from generated_scans import add_arguments, generate

INTERVAL_S = 0.05


def anonymous_mb(pid: int) -> float:
    """Anonymous memory of one process, MB; 0 where it has gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    return 0.0


def peak_of(words: list[str]) -> dict[str, float]:
    """Run one command; its peak over all its processes, and its time."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "workbench.cli", *words], stdout=subprocess.DEVNULL)
    family = psutil.Process(process.pid)
    peak = highest_single = 0.0
    while process.poll() is None:
        try:
            pids = [process.pid, *(child.pid for child in family.children(recursive=True))]
        except psutil.Error:
            break
        each = [anonymous_mb(pid) for pid in pids]
        peak, highest_single = max(peak, sum(each)), max(highest_single, each[0])
        time.sleep(INTERVAL_S)
    if process.wait():
        raise SystemExit(f"failed: workbench {' '.join(words)}")
    return {"peak_mb": peak, "main_process_mb": highest_single, "seconds": time.perf_counter() - began}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 5000, 20000])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--side", type=int, default=64, help="of the generated scans, pixels")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--verbs", nargs="+", default=["index", "prepare", "pretrain"])
    arguments = parser.parse_args()
    os.environ["WORKBENCH_SITE_KEY_FILE"] = str(arguments.folder / "site.key")
    os.environ["WORKBENCH_MLFLOW"] = "off"
    peaks: dict[str, dict[int, list[dict[str, float]]]] = {}
    for count, repeat in itertools.product(arguments.counts, range(arguments.repeats)):
        scans = arguments.folder / f"ct-{arguments.side}-{count}"
        generate(scans, count, arguments.side)
        workspace = arguments.folder / f"memory-{count}"
        shutil.rmtree(workspace, ignore_errors=True)
        workers, place = f"workers={arguments.workers}", ["--workspace", str(workspace)]
        epochs = max(arguments.counts) // count
        pretrain = ["method=simclr", "encoder=resnet18", "size=32", f"epochs={epochs}", "batch_size=64", "meters=false"]
        commands = {
            "index": ["index", str(scans), "cohort=many", workers, *place],
            "prepare": ["prepare", "many", "size=32", workers, *place],
            "pretrain": ["pretrain", "cohort=many", *pretrain, *place],
        }
        for verb in arguments.verbs:
            found = peak_of(commands[verb])
            peaks.setdefault(verb, {}).setdefault(count, []).append(found)
            print(f"{verb} of {count:,}, run {repeat + 1}: {found}", file=sys.stderr, flush=True)
    first, last = min(arguments.counts), max(arguments.counts)
    middle = {
        verb: {count: statistics.median(run["peak_mb"] for run in runs) for count, runs in found.items()}
        for verb, found in peaks.items()
    }
    noise = {
        verb: max(max(run["peak_mb"] for run in runs) - min(run["peak_mb"] for run in runs) for runs in found.values())
        for verb, found in peaks.items()
    }
    growth = {verb: found[last] - found[first] for verb, found in middle.items()}
    result = {
        "benchmark": "memory",
        "side": arguments.side,
        "workers": arguments.workers,
        "runs": peaks,
        "peak_mb": middle,
        "noise_mb": noise,
        "growth_mb": growth,
        "growth_bytes_per_scan": {verb: mb * 1e6 / (last - first) for verb, mb in growth.items()},
    }
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
