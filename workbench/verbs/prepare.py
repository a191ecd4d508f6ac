"""``workbench prepare``: decodes a cohort once into a memory-mapped store."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from workbench.cohort import Cohort
from workbench.config import Result
from workbench.runs.progress import Progress, duration
from workbench.runs.workspace import Workspace
from workbench.store.building import build_store, in_units, store_folder
from workbench.store.settings import StoreSettings
from workbench.store.store import INDEX, Store
from workbench.store.volumes.building import build_volumes, volume_folder
from workbench.store.volumes.settings import VolumeSettings
from workbench.store.volumes.store import VolumeStore


class PrepareSettings(StoreSettings, VolumeSettings):
    """What to decode, and how to fit it."""

    cohort: str = Field(description="Name of the cohort.")
    kind: Literal["frames", "volumes"] = Field(
        "frames", description="Single pictures fitted into squares, or volumes of slices in millimetres."
    )
    engine: str = Field("local", description="Where scans are decoded: local processes, or a ray cluster.")
    workers: int = Field(0, ge=0, description="Processes; 0 for one per core.")

    @model_validator(mode="after")
    def _of_this_kind(self) -> Self:
        of_frames = StoreSettings.model_fields.keys() - VolumeSettings.model_fields.keys()
        of_volumes = VolumeSettings.model_fields.keys() - StoreSettings.model_fields.keys()
        other = of_volumes if self.kind == "frames" else of_frames
        # a file of resolved settings names them all: what stands at its default was not asked for
        asked = {name for name in self.model_fields_set if getattr(self, name) != type(self).model_fields[name].default}
        for name in sorted(other & asked):
            kind = "volumes" if self.kind == "frames" else "frames"
            raise ValueError(f"'{name}' belongs to kind={kind}")
        return self


class PrepareResult(Result):
    """What is in the store: usable scans of the cohort = ``scans`` + ``refused``."""

    kind: str = "frames"
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
        noun, part = ("volume", "file") if self.kind == "volumes" else ("scan", "shard")
        if self.decoded:
            rate = f"{self.scans_per_s:,.0f} {noun}s/s" if self.scans_per_s >= 10 else f"{self.scans_per_s:g} {noun}s/s"
            lines = [f"{_n(self.decoded, noun)} decoded in {duration(self.seconds)} ({rate})."]
        else:
            lines = ["Nothing was missing."]
        lines.append(f"The store holds {_n(self.scans, noun)} in {_n(self.shards, part)}, {in_units(self.bytes)}.")
        if self.refused:
            reasons = ", ".join(f"{number:,} {code}" for code, number in self.reasons.items())
            lines.append(f"{_n(self.refused, noun)} could not be decoded: {reasons}. See store.json there.")
        if self.left_out:
            lines.append(f"{_n(self.left_out, noun)} of the cohort, flagged or excluded, left out and not decoded.")
        lines.append(f"Store: {self.store}")
        return "\n".join(lines)


def _n(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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
    if settings.kind == "volumes":
        return _prepare_volumes(cohort, settings, workspace, progress)
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
    return _result(store, kind="frames", before=before, shards=store.shards, seconds=time.monotonic() - began)


def _prepare_volumes(
    cohort: Cohort, settings: PrepareSettings, workspace: Workspace, progress: Progress | None
) -> PrepareResult:
    chosen = VolumeSettings(**{name: getattr(settings, name) for name in VolumeSettings.model_fields})
    folder = volume_folder(cohort.name, chosen, workspace)
    before = len(VolumeStore.open(folder)) if (folder / INDEX).exists() else 0
    began = time.monotonic()
    store = build_volumes(
        cohort,
        chosen,
        workspace=workspace,
        workers=settings.workers,
        engine=settings.engine,
        retry=True,
        progress=progress,
    )
    return _result(store, kind="volumes", before=before, shards=len(store), seconds=time.monotonic() - began)


def _result(store: Store | VolumeStore, *, before: int, seconds: float, **facts: Any) -> PrepareResult:
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
        bytes=store.bytes,
        seconds=round(seconds, 3),
        scans_per_s=round(decoded / seconds, 1),
        **facts,
    )
