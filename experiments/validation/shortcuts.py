"""A planted shortcut is found, and the same attribute unrelated to disease is called encoded but not used.

Real probes on features that hold disease and site; the share of sick patients who come from site B is varied. Prints
one JSON object.

    python experiments/validation/shortcuts.py [--studies 100]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.audit.making import planted_site  # noqa: E402
from workbench.audit.shortcut import shortcuts  # noqa: E402

SETTINGS = (
    ("planted", 0.8, 1.5, "evidence of use"),
    ("encoded, unrelated to disease", 0.5, 1.5, "encoded, no evidence of use"),
    ("related to disease, leaves no trace", 0.8, 0.0, "not encoded"),
    ("neither", 0.5, 0.0, "not encoded"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--studies", type=int, default=100, help="Simulated audits per setting.")
    studies = parser.parse_args().studies
    began = time.monotonic()
    rows = []
    for name, together, offset, wanted in SETTINGS:
        verdicts: Counter[str] = Counter()
        signs: Counter[str] = Counter()
        readable, drop = [], []
        for seed in range(studies):
            material, site, labelled = planted_site(seed, together=together, offset=offset)
            (found,) = shortcuts(material, [site], labelled)
            verdicts[found.verdict] += 1
            readable.append(found.readable["model"].value)
            for use in found.uses:
                signs[use.kind] += use.p_holm < 0.05
                if use.kind == "balanced":
                    drop.append(use.contrast.estimate)
        row = {
            "setting": name,
            "sick_from_b": together,
            "offset_sd": offset,
            "verdicts": {key: value / studies for key, value in verdicts.items()},
            "signs": {key: value / studies for key, value in signs.items()},
            "readable_auc": float(np.mean(readable)),
            "mean_drop_when_balanced": float(np.mean(drop)) if drop else None,
            "wanted": wanted,
        }
        # A trace-free site is told by no sign of use; that it is read by chance alone is rare.
        share = verdicts[wanted] / studies
        row["pass"] = bool(
            share >= 0.8 and (together == 0.8 and offset > 0 or verdicts["evidence of use"] <= 0.1 * studies)
        )
        rows.append(row)
        print(row, file=sys.stderr)
    seconds = round(time.monotonic() - began, 1)
    print(json.dumps({"pass": all(row["pass"] for row in rows), "studies": studies, "rows": rows, "seconds": seconds}))


if __name__ == "__main__":
    main()
