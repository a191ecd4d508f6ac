from __future__ import annotations

import pandas as pd

from tests.cohort.quality.making import evidence, one
from workbench.cohort.quality import volumes


def test_one_finding_per_status_with_its_slices():
    stacks = pd.DataFrame(
        {"stack_id": ["a", "b", "c", "d"], "status": ["regular", "tilted", "tilted", "ambiguous_stack"]}
    )
    slices = pd.DataFrame(
        {
            "scan_id": ["S000", "S001", "S002", "S003", "S004"],
            "stack_id": ["a", "b", "c", "d", "d"],
            "volume_id": ["V"] + [None] * 4,
            "repeat": [False] * 4 + [True],
        }
    )
    found = list(volumes.stacks(evidence(others={"stacks": stacks, "slices": slices})))
    tilted, ambiguous = one(found, "stack_tilted"), one(found, "stack_ambiguous_stack")
    assert (tilted.level, tilted.count, list(tilted.scans)) == ("warn", 2, ["S001", "S002"])
    assert ambiguous.level == "stop" and "include" in ambiguous.choices
    assert one(found, "stack_repeats").count == 1
    assert not [item for item in found if item.code == "stack_regular"]
    assert list(volumes.stacks(evidence())) == []
