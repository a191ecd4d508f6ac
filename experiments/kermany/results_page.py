"""Writes docs/results/kermany.md from what run.py left in its workspace.

python experiments/kermany/results_page.py --workspace DIR
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs" / "results"
PROTOCOLS = {"probe": "probe", "knn": "kNN", "finetune": "fine-tuned"}


def read(workspace: Path, kind: str) -> dict[int, dict[str, Any]]:
    """Summaries of the studies of a kind, by test set."""
    found = {}
    for file in sorted(workspace.glob(f"runs/study/{kind}-*/summary.json")):
        found[int(file.parent.name.rpartition("-")[2])] = json.loads(file.read_text())
    return found


def result(workspace: Path, name: str) -> dict[str, Any] | None:
    """What a command returned, if it was run."""
    file = workspace / "results" / f"{name}.json"
    return json.loads(file.read_text()) if file.exists() else None


def curve_table(studies: dict[int, dict[str, Any]]) -> list[str]:
    """Mean AUC over test sets per arm, protocol and budget; a dash where no cell was run."""
    values: dict[tuple[str, str], dict[str, list[float]]] = {}
    budgets: dict[str, float] = {}
    for summary in studies.values():
        for point in summary["curve"]:
            row = values.setdefault((point["arm"], point["protocol"]), {})
            row.setdefault(point["budget"], []).append(point["value"])
            budgets[point["budget"]] = point["n"]
    order = sorted(budgets, key=lambda name: budgets[name])
    lines = ["| arm | protocol | " + " | ".join(order) + " |", "|---|---|" + "---|" * len(order)]
    for (arm, protocol), row in values.items():
        cells = [mean_of(row[name], len(studies)) if name in row else "-" for name in order]
        lines.append(f"| {arm} | {PROTOCOLS[protocol]} | " + " | ".join(cells) + " |")
    return lines


def mean_of(values: list[float], sets: int) -> str:
    """The mean, with the number of test sets where some lack the arm."""
    few = "" if len(values) == sets else f" ({len(values)} set)"
    return f"{sum(values) / len(values):.3f}{few}"


def difference_table(studies: dict[int, dict[str, Any]], protocol: str) -> list[str]:
    """Paired differences to the reference per test set, at each budget alone and over the whole curve."""
    lines = [
        "| test set | arm | reference | area (95 %, Holm) | at each budget (95 %) | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for number, summary in studies.items():
        for found in summary["comparisons"]:
            if found["protocol"] != protocol:
                continue
            each = "; ".join(
                f"{d['budget']}: {d['value']:+.3f} ({d['point_low']:+.3f} to {d['point_high']:+.3f})"
                for d in found["differences"]
            )
            area = found["area"]
            lines.append(
                f"| {number} | {found['arm']} | {found['reference']} | {area['difference']:+.3f} "
                f"({area['low']:+.3f} to {area['high']:+.3f}) | {each} | {found['verdict']['short']} |"
            )
    return lines


def page(workspace: Path) -> str:
    """The whole page."""
    probes, tuned = read(workspace, "probes"), read(workspace, "finetune")
    first = next(iter(probes.values()))
    lines = [
        "# Paediatric chest radiographs (Kermany et al. 2018)",
        "",
        "5,856 images at 224 x 224 px, three classes (normal, bacterial, viral pneumonia); CC BY 4.0, Kermany et al.,",
        "Mendeley Data 2018. Imported as DICOM; equal patient numbers are one patient; a quarter of the patients is",
        "reserved for testing. Images at 64 px. This page is written by",
        "",
        "```",
        "python experiments/kermany/run.py --images DIR --workspace WORK --steps import index simclr",
        "python experiments/kermany/run.py --images DIR --workspace WORK --steps mae --test-sets 0 1",
        "python experiments/kermany/run.py --images DIR --workspace WORK --steps probes",
        "workbench study experiments/kermany/finetune.yaml cohort=kermany-0 name=finetune-0 seed=0 \\",
        "  arms.SimCLR.encoder=simclr-0 --workspace WORK",
        "python experiments/kermany/results_page.py --workspace WORK",
        "```",
        "",
        "SimCLR's views were chosen among three settings (the program's defaults in batches of 128 and of 64, and",
        "those of `simclr.yaml`) by the probe on test set 0; sets 1 and 2 had no part in the choice. The end-to-end",
        "part is on set 0. Not run for this page: MAE on the third test set, fine-tuning of MAE, and fine-tuning at",
        "1,000 labels.",
        "The minutes are those of a machine that was busy with other work, one thread each.",
        "",
        "## Pretraining",
        "",
        "| run | scans in the pool | passes | minutes | features |",
        "|---|---|---|---|---|",
    ]
    for name in ("simclr-0", "simclr-1", "simclr-2", "mae-0", "mae-1", "mae-2"):
        made = result(workspace, name)
        if made is None:
            lines.append(f"| {name} | not run | | | |")
        else:
            lines.append(
                f"| {name} | {made['scans']:,} | {made['epochs']} | {made['seconds'] / 60:.0f} | {made['collapse']} |"
            )
    lines += [
        "",
        "## Frozen features",
        "",
        f"AUC (macro, one against the rest), mean over {len(probes)} reserved test sets "
        f"({', '.join(str(s['test']['patients']) for s in probes.values())} patients) and "
        f"{first['curve'][0]['draws']} draws; columns are labelled scans, taken as whole patients.",
        "",
        *curve_table(probes),
        "",
        "Against random frozen features of the same size, paired, probe:",
        "",
        *difference_table(probes, "probe"),
        "",
    ]
    if tuned:
        lines += [
            "## End to end",
            "",
            f"Mean over {len(tuned)} reserved test set(s); fine-tuning with "
            f"{min(p['draws'] for s in tuned.values() for p in s['curve'] if p['protocol'] == 'finetune')} draws. "
            "A dash is a cell that was not run.",
            "",
            *curve_table(tuned),
            "",
            "Against the same architecture from scratch, paired, fine-tuned:",
            "",
            *difference_table(tuned, "finetune"),
            "",
        ]
        for number, summary in tuned.items():
            lines += [f"Verdict, test set {number}: {summary['verdict']}", ""]
    for kind in ("probes", "finetune"):
        if (DOCS / f"kermany-{kind}.png").exists():
            lines += [f"![AUC against labelled scans, test set 0, {kind}](kermany-{kind}.png)", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, required=True)
    workspace = parser.parse_args().workspace
    DOCS.mkdir(parents=True, exist_ok=True)
    for kind in ("probes", "finetune"):
        figure = workspace / "runs" / "study" / f"{kind}-0" / "figures" / "curve.png"
        if figure.exists():
            shutil.copy(figure, DOCS / f"kermany-{kind}.png")
    (DOCS / "kermany.md").write_text(page(workspace) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
