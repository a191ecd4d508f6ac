"""``workbench prepare``: decodes a cohort once into a memory-mapped store."""

from __future__ import annotations

import time
from collections import Counter

from pydantic import Field

from workbench.cohort import Cohort
from workbench.config import Result
from workbench.runs.progress import Progress, duration
from workbench.runs.workspace import Workspace
from workbench.store.building import build_store, in_units, store_folder
from workbench.store.settings import StoreSettings
from workbench.store.store import INDEX, Store


class PrepareSettings(StoreSettings):
    """What to decode, and how to fit it."""

    cohort: str = Field(description="Name of the cohort.")
    engine: str = Field("local", description="Where scans are decoded: local processes, or a ray cluster.")
    workers: int = Field(0, ge=0, description="Processes; 0 for one per core.")


class PrepareResult(Result):
    """What is in the store: usable scans of the cohort = ``scans`` + ``refused``."""

    store: str
    digest: str
    scans: int
    decoded: int
    refused: int
    reasons: dict[str, int]
    left_out: int
    shards: int
    bytes: int
    seconds: float
    scans_per_s: float

    def summary(self) -> str:
        """What was decoded, how fast, what was refused, and where the store lies."""
        if self.decoded:
            rate = f"{self.scans_per_s:,.0f} scans/s"
            lines = [f"{self.decoded:,} scans decoded in {duration(self.seconds)} ({rate})."]
        else:
            lines = ["Nothing was missing."]
        lines.append(f"The store holds {self.scans:,} scans in {self.shards:,} shards, {in_units(self.bytes)}.")
        if self.refused:
            reasons = ", ".join(f"{number:,} {code}" for code, number in self.reasons.items())
            lines.append(f"{self.refused:,} scans could not be decoded: {reasons}. See store.json there.")
        if self.left_out:
            lines.append(f"{self.left_out:,} scans of the cohort are flagged or excluded, and were not decoded.")
        lines.append(f"Store: {self.store}")
        return "\n".join(lines)


def prepare(
    settings: PrepareSettings,
    *,
    workspace: Workspace,
    progress: Progress | None = None,
    began: float | None = None,
) -> PrepareResult:
    """Decode a cohort's scans into its store; what is there already is kept, and a killed build goes on.

    Args:
        settings: What to decode, and how to fit it.
        workspace: Where cohort and store lie.
        progress: Is told how far it is.
        began: When the work began, by ``time.monotonic``, if it was before this call.

    Raises:
        InputError: There is no such cohort.
        OperationFailed: The disk is full, or not a single scan could be decoded.
    """
    cohort = Cohort.open(workspace.cohort_dir(settings.cohort))
    chosen = StoreSettings(**{name: getattr(settings, name) for name in StoreSettings.model_fields})
    folder = store_folder(cohort.name, chosen, workspace)
    before = len(Store.open(folder)) if (folder / INDEX).exists() else 0
    began = time.monotonic() if began is None else began
    store = build_store(
        cohort,
        settings=chosen,
        workspace=workspace,
        workers=settings.workers,
        engine=settings.engine,
        retry=True,
        progress=progress,
    )
    seconds = time.monotonic() - began
    decoded = max(0, len(store) - before)
    reasons = Counter(item["code"] for item in store.refused)
    return PrepareResult(
        store=str(store.path),
        digest=store.digest,
        scans=len(store),
        decoded=decoded,
        refused=reasons.total(),
        reasons=dict(reasons.most_common()),
        left_out=store.left_out,
        shards=store.shards,
        bytes=store.bytes,
        seconds=round(seconds, 3),
        scans_per_s=round(decoded / seconds, 1),
    )
