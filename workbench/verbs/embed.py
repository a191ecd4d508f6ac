"""``workbench embed``: writes the features of a cohort's scans."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pydantic import Field

from workbench.config import Result, Settings
from workbench.errors import InputError
from workbench.evaluation.pixels import PIXELS
from workbench.runs.folder import RunFolder
from workbench.runs.progress import Progress, duration
from workbench.runs.workspace import Workspace

DEFAULT_SIZE = 64


class EmbedSettings(Settings):
    """Which scans, and by what."""

    cohort: str = Field(description="Name of the cohort.")
    encoder: str = Field(
        description="A pretraining's run id, a folder with encoder.json, random:ARCHITECTURE, ARCHITECTURE@FILE, or "
        "'pixels' for the image itself at 32 x 32 pixels."
    )
    size: int = Field(default=0, ge=0, description="Side of the images, pixels; 0 takes the encoder's own.")
    out: str = Field(
        default="", description="File, .npz or .parquet; features.npz in a run folder of its own when empty."
    )
    batch_size: int = Field(default=256, ge=1, description="Scans per step.")
    precision: str = Field(
        default="fp32", pattern="^(fp32|bf16|auto)$", description="Number format: fp32, bf16, or auto where they agree."
    )
    device: str = Field(default="cpu", description="Where to compute, such as cpu or cuda.")
    seed: int = Field(default=0, description="Of a random encoder's weights.")
    name: str = Field(default="", description="Name of the run; the date and time when empty.")


class EmbedResult(Result):
    """What was written."""

    run_id: str
    features: str
    scans: int
    dim: int
    encoder: str
    left_out: int
    seconds: float

    def summary(self) -> str:
        """How many features, how long, and where they lie."""
        lines = [f"{self.scans:,} scans, {self.dim:,} features each, in {duration(self.seconds)} ({self.encoder})."]
        if self.left_out:
            lines.append(f"{self.left_out:,} usable scans are not in the store and have no features; see store.json.")
        return "\n".join([*lines, f"Features: {self.features}"])


def embed(settings: EmbedSettings, *, workspace: Workspace, progress: Progress | None = None) -> EmbedResult:
    """Compute the features of every usable scan of a cohort, reserved patients included.

    The file holds ``scan_id`` (text) and ``features`` ``(N, D)`` float32; a study takes it as an arm.

    Raises:
        InputError: No such cohort or encoder, or the encoder does not take the cohort's images.
    """
    from workbench.cohort.cohort import Cohort

    cohort = Cohort.open(workspace.cohort_dir(settings.cohort))
    run = RunFolder.create(workspace, "embed", settings, settings.name or None, quiet=bool(progress and progress.quiet))
    with run:
        result = _embed(settings, cohort, workspace, run)
        run.conclude(result.summary().splitlines()[0])
        return result


def _embed(settings: EmbedSettings, cohort: Any, workspace: Workspace, run: RunFolder) -> EmbedResult:
    from workbench.evaluation.features import extract, save
    from workbench.evaluation.pixels import pixel_features
    from workbench.models import checkpoint
    from workbench.models.encoder_source import RANDOM, find_encoder, locate
    from workbench.store.building import build_store
    from workbench.store.datasets import UnitImages

    began = time.monotonic()
    size = settings.size
    if not size:
        own = settings.encoder != PIXELS and "@" not in settings.encoder and not settings.encoder.startswith(RANDOM)
        size = int(checkpoint.read_facts(locate(settings.encoder, workspace))["size"]) if own else DEFAULT_SIZE
    store = build_store(cohort, size, workspace=workspace, progress=run)
    scans = cohort.manifest.loc[cohort.usable(), "scan_id"].to_numpy(dtype=object)
    there = store.has(scans)
    images = UnitImages(store, store.rows_of(scans[there]))
    facts: dict[str, Any] = {
        "encoder": settings.encoder,
        "cohort": cohort.name,
        "cohort_version": cohort.version,
        "store_digest": store.digest,
        "size": size,
    }
    if settings.encoder == PIXELS:
        encoder: Any = pixel_features()
    else:
        found = find_encoder(settings.encoder, workspace, in_channels=store.channels, size=size, seed=settings.seed)
        encoder = found.make()
        facts["encoder_facts"] = found.facts
        if found.said:
            run.log(found.said)
    try:
        features = extract(
            encoder,
            images,
            batch_size=settings.batch_size,
            device=settings.device,
            precision=settings.precision,
            progress=run,
        )
    except (RuntimeError, AssertionError) as error:
        if settings.device == "cpu":
            raise
        raise InputError(
            f"The device '{settings.device}' cannot be used: {str(error).splitlines()[0]}",
            where="device",
            todo="Use device=cpu; 'workbench doctor' lists the devices.",
        ) from error
    file = save(
        Path(settings.out).expanduser() if settings.out else run.path / "features.npz", scans[there], features, facts
    )
    return EmbedResult(
        run_id=run.run_id,
        features=str(file),
        scans=len(features),
        dim=features.shape[1],
        encoder=settings.encoder,
        left_out=int((~there).sum()),
        seconds=round(time.monotonic() - began, 3),
    )
