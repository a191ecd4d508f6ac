"""The label-efficiency study on paediatric chest radiographs (Kermany et al. 2018, CC BY 4.0), end to end.

One command imports the images as DICOM, indexes them into one cohort per reserved test set, pretrains SimCLR and MAE
on each cohort's pool, and runs the study on each. Everything that has finished is skipped, so the command can be
stopped and given again.

    python experiments/kermany/run.py --images DIR --workspace DIR

DIR holds ``index.csv`` (split, cls, file, pid, sub, md5) and ``images/<split>/<cls>/<file>``.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMES = {"simclr": "SimCLR", "mae": "MAE"}


def workbench(workspace: Path, *words: str) -> dict:
    """Run one command and return its result; its progress goes to standard error as it comes."""
    command = [sys.executable, "-m", "workbench.cli", *words, "--workspace", str(workspace), "--json"]
    print("$ workbench", *words, file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)
    return json.loads(done.stdout.strip().splitlines()[-1])


def once(workspace: Path, name: str, *words: str) -> dict:
    """Run a command unless its result was kept under this name before."""
    file = workspace / "results" / f"{name}.json"
    if file.exists():
        return json.loads(file.read_text())
    result = workbench(workspace, *words)
    if result.get("stopped"):
        raise SystemExit(f"{name} was stopped; give the command again to go on")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1))
    return result


def label_table(images: Path, out: Path) -> Path:
    """The columns that import-images reads. Equal ``pid`` numbers are one patient, whatever the class."""
    file = out / "kermany-labels.csv"
    out.mkdir(parents=True, exist_ok=True)
    with (images / "index.csv").open() as source, file.open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(["file", "patient", "label", "given_split"])
        for row in csv.DictReader(source):
            number = row["pid"]
            writer.writerow([f"{row['split']}/{row['cls']}/{row['file']}", number, row["sub"], row["split"]])
    return file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--workspace", type=Path, default=Path("kermany"))
    parser.add_argument("--test-sets", type=int, nargs="+", default=[0, 1, 2], help="seeds of the reserved test sets")
    parser.add_argument("--steps", nargs="+", default=["import", "index", "simclr", "mae", "probes", "finetune"])
    arguments = parser.parse_args()
    workspace = arguments.workspace.resolve()
    workspace.mkdir(parents=True, exist_ok=True)
    key = workspace / "site.key"
    if not key.exists():
        # Public images: a key that everybody can make gives everybody the same reserved test sets.
        key.touch(mode=0o600)
        key.write_bytes(b"kermany-cxr, public images, v1..")
    os.environ["WORKBENCH_SITE_KEY_FILE"] = str(key)
    out = workspace / "imported"
    steps = arguments.steps
    if "import" in steps:
        table = label_table(arguments.images, workspace)
        once(workspace, "import", "import-images", str(arguments.images / "images"), str(table), "--out", str(out))
    for seed in arguments.test_sets:
        cohort = f"kermany-{seed}"
        if "index" in steps:
            once(workspace, f"index-{seed}", "index", str(out / "dicom"), f"cohort={cohort}", f"split_seed={seed}")
            once(workspace, f"label-{seed}", "label", cohort, str(out / "labels.csv"), "key=sop", "column=label")
            once(workspace, f"prepare-{seed}", "prepare", cohort, "size=64")
        for method in ("simclr", "mae"):
            if method in steps:
                words = [str(HERE / f"{method}.yaml"), f"cohort={cohort}", f"seed={seed}", f"name={method}-{seed}"]
                once(workspace, f"{method}-{seed}", "pretrain", *words)
        for part in ("probes", "finetune"):
            if part in steps:
                there = [m for m in ("simclr", "mae") if (workspace / "results" / f"{m}-{seed}.json").exists()]
                arms = [f"arms.{NAMES[method]}.encoder={method}-{seed}" for method in there]
                words = [str(HERE / f"{part}.yaml"), f"cohort={cohort}", f"name={part}-{seed}", f"seed={seed}", *arms]
                once(workspace, f"{part}-{seed}", "study", *words)


if __name__ == "__main__":
    main()
