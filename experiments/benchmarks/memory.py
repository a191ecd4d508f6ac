"""Peak anonymous memory of index, prepare and pretrain at two numbers of scans: it must not grow with them.

Each verb runs as a command of its own. Twenty times a second the anonymous resident memory (RssAnon of
/proc/PID/status, which leaves out memory-mapped files) of the command and of all its children is summed; the peak
counts.

    python experiments/benchmarks/memory.py --folder /tmp/bench
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
from generated_scans import add_arguments, generate

INTERVAL_S = 0.05


def anonymous_mb(pid: int) -> float:
    """RssAnon of one process, MB; 0 where it has gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
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
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 20000])
    parser.add_argument("--side", type=int, default=64, help="of the generated scans, pixels")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--verbs", nargs="+", default=["index", "prepare", "pretrain"])
    arguments = parser.parse_args()
    os.environ["WORKBENCH_SITE_KEY_FILE"] = str(arguments.folder / "site.key")
    os.environ["WORKBENCH_MLFLOW"] = "off"
    peaks: dict[str, dict[int, dict[str, float]]] = {}
    for count in arguments.counts:
        scans = arguments.folder / f"ct-{arguments.side}-{count}"
        generate(scans, count, arguments.side)
        workspace = arguments.folder / f"memory-{count}"
        shutil.rmtree(workspace, ignore_errors=True)
        workers, place = f"workers={arguments.workers}", ["--workspace", str(workspace)]
        pretrain = ["method=simclr", "encoder=resnet18", "size=32", "epochs=1", "batch_size=64", "meters=false"]
        commands = {
            "index": ["index", str(scans), "cohort=many", workers, *place],
            "prepare": ["prepare", "many", "size=32", workers, *place],
            "pretrain": ["pretrain", "cohort=many", *pretrain, *place],
        }
        for verb in arguments.verbs:
            peaks.setdefault(verb, {})[count] = peak_of(commands[verb])
            print(f"{verb} of {count:,}: {peaks[verb][count]}", file=sys.stderr, flush=True)
    first, last = arguments.counts[0], arguments.counts[-1]
    growth = {verb: found[last]["peak_mb"] - found[first]["peak_mb"] for verb, found in peaks.items()}
    result = {
        "benchmark": "memory",
        "side": arguments.side,
        "workers": arguments.workers,
        "peaks": peaks,
        "growth_mb": growth,
        "growth_bytes_per_scan": {verb: mb * 1e6 / (last - first) for verb, mb in growth.items()},
    }
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
