"""From a cohort to a trained encoder: pool, store, weights to start from, meters, loop, checkpoint."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from workbench.augmentation import BatchAugment
from workbench.cohort.cohort import Cohort
from workbench.cohort.leaks import PoolKeys
from workbench.errors import InputError, OperationFailed
from workbench.models.checkpoint import save_encoder
from workbench.models.encoders import Encoder, build_encoder
from workbench.models.initialise import load_weights
from workbench.pretraining.meters import FEWEST_SCANS, MOST_SCANS, Meters
from workbench.pretraining.methods import method_named
from workbench.pretraining.pictures import write_pictures
from workbench.pretraining.settings import PretrainSettings
from workbench.pretraining.trained import Trained
from workbench.runs.folder import RunFolder
from workbench.runs.memory import return_memory
from workbench.runs.progress import Progress
from workbench.runs.seeds import mix
from workbench.runs.tracking import Tracker
from workbench.runs.workspace import Workspace
from workbench.store.building import build_store
from workbench.store.datasets import BatchStream, UnitImages
from workbench.store.store import Store
from workbench.training.devices import choose_accelerator
from workbench.training.loop import FitResult, fit
from workbench.training.resume import checkpoint_file

SHOWN = 8
LOOKED_AT = 512
POOL_FILE = "pool.txt"


class PoolIdentity(NamedTuple):
    """What stays of the pool while it is learned from: the ids of its scans take too much memory.

    Attributes:
        scans: How many there are.
        digest, groups_digest, fingerprint: As of :class:`workbench.cohort.leaks.PoolKeys`.
        first: At most ``LOOKED_AT`` scan ids.
    """

    scans: int
    digest: str
    groups_digest: str
    fingerprint: str
    first: NDArray[Any]


def train_encoder(
    settings: PretrainSettings,
    workspace: Workspace,
    run: RunFolder | None,
    tracker: Tracker | None,
    *,
    resume: bool = False,
    folder: Path | None = None,
) -> Trained:
    """Train, and write the encoder into the run's folder.

    Args:
        settings: Resolved.
        workspace: Where cohort and store lie.
        run: The run; None in the further processes of a run on several devices, which write nothing.
        tracker: MLflow.
        resume: Go on from the run's checkpoint.
        folder: The run's folder, for the further processes of a resumed run.

    Raises:
        InputError: The pool is empty, or settings do not fit.
        OperationFailed: The loss is no longer finite, or something cannot be written.
    """
    began = time.monotonic()
    say = run or Progress(quiet=True)
    folder = run.path if run else folder
    cohort = Cohort.open(workspace.cohort_dir(settings.cohort))
    store = build_store(cohort, settings.size, workspace=workspace, progress=say)
    images, pool = images_of(cohort, settings, store, run, say, folder if resume else None)
    if tracker:
        tracker.dataset("pool", pool.digest)
        tracker.dataset("store", store.digest)
        tracker.tag("pool_digest", pool.digest)

    encoder = start_encoder(settings, workspace, images, say)
    method = method_named(settings.method)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(mix(settings.seed, "task"))
        task = method.build(
            encoder,
            BatchAugment(settings.augment, settings.size),
            getattr(settings, method.name),
            fresh=not settings.init_from,
            gather=settings.train.devices * settings.train.num_nodes > 1,
        )
    loop = settings.loop()
    if pool.scans < loop.batch_size:
        say.log(f"The pool is smaller than a batch of {loop.batch_size}; batches hold {pool.scans} scans.")
        loop = loop.model_copy(update={"batch_size": pool.scans})
    pinned = choose_accelerator(loop) == "cuda"
    stream = BatchStream(images, loop.batch_size, mix(settings.seed, "order"), pin_memory=pinned)
    meters = None
    if run:
        meters = task.meters = meters_of(settings, cohort, store, encoder, pool.first, run)
        shown = images.batch(np.arange(min(SHOWN, pool.scans)))
        if not resume:
            write_pictures(task, shown, run.path / "pictures" / "start.png", settings.seed)
    store.forget_ids()
    return_memory()
    result = fit(
        task,
        stream,
        loop,
        run=run,
        tracker=tracker,
        resume=resume,
        checkpoint=checkpoint_file(folder) if folder else Path("unused.ckpt"),
    )
    trained = _summarise(settings, result, meters, pool, time.monotonic() - began)
    if run:
        write_pictures(task, shown, run.path / "pictures" / "end.png", settings.seed)
        save_encoder(run.path, encoder, facts_of(settings, cohort, store, pool, run, trained))
        if not result.stopped:
            checkpoint_file(run.path).unlink(missing_ok=True)
        if tracker:
            _record(tracker, settings, run, trained)
    return trained


def images_of(
    cohort: Cohort, settings: PretrainSettings, store: Store, run: RunFolder | None, say: Progress, resumed: Path | None
) -> tuple[UnitImages, PoolIdentity]:
    """The pool's images, and what says which scans they are; the list itself goes to the cohort's private folder."""
    pool = pool_of(cohort, settings, store, say, resumed)
    keys = cohort.record_pool(pool) if run else cohort.keys_of(pool)
    if run:
        (run.path / POOL_FILE).write_text(keys.digest + "\n", encoding="utf-8")
        patients = len(set(keys.table["patient_key"]))
        run.log(f"The pool: {len(pool):,} scans of {patients:,} patients of '{cohort.name}'; no reserved patient.")
    identity = PoolIdentity(len(pool), keys.digest, keys.groups_digest, keys.fingerprint, pool[:LOOKED_AT].copy())
    return UnitImages(store, store.rows_of(pool)), identity


def pool_of(
    cohort: Cohort, settings: PretrainSettings, store: Store, say: Progress, resumed: Path | None = None
) -> NDArray[Any]:
    """The scans to learn from, ``(N,)`` scan ids: the cohort's pool as far as it could be decoded, or a share of it.

    A resumed run takes the list that it began with, even if the cohort has grown meanwhile.

    Raises:
        InputError: Fewer than two scans remain.
        OperationFailed: The list of the run to resume is not there.
    """
    if resumed is not None and (resumed / POOL_FILE).exists():
        digest = (resumed / POOL_FILE).read_text(encoding="utf-8").strip()
        began_with = PoolKeys.read(cohort.pools_dir / f"{digest}.parquet").table["scan_id"].to_numpy(dtype=object)
        known = set(cohort.columns("scan_id")["scan_id"])
        if any(scan not in known for scan in began_with):
            raise OperationFailed(
                "Scans that the run began with are no longer in the cohort.",
                where=cohort.folder,
                todo="Start a new run with init_from.",
            )
        return began_with
    pool = np.sort(cohort.pool())
    there = store.has(pool)
    if not there.all():
        say.log(f"{int((~there).sum()):,} scans of the pool could not be decoded and are left out (see store.json).")
        pool = pool[there]
    if settings.pool_share < 1:
        patient_of = patients_of(cohort)
        kept = [mix(settings.seed, "pool", patient_of[scan]) / 2**63 < settings.pool_share for scan in pool]
        pool = pool[np.asarray(kept, bool)]
    if len(pool) < 2:
        raise InputError(
            f"The pool of '{cohort.name}' holds {len(pool)} scans; there is nothing to learn from.",
            where=cohort.folder,
            todo="Index more scans, or look at what was refused and excluded (intake.html).",
        )
    return pool


def patients_of(cohort: Cohort) -> dict[str, str]:
    """The patient of every scan."""
    table = cohort.columns("scan_id", "patient_key")
    return dict(zip(table["scan_id"], table["patient_key"], strict=True))


def start_encoder(settings: PretrainSettings, workspace: Workspace, images: UnitImages, say: Progress) -> Encoder:
    """The encoder before the first step: random with the pool's mean and deviation, or from weights."""
    looked_at = np.linspace(0, len(images) - 1, min(LOOKED_AT, len(images))).astype(int)
    sample = images.batch(looked_at)
    encoder = build_encoder(
        settings.encoder,
        in_channels=sample.shape[1],
        size=settings.size,
        seed=mix(settings.seed, "encoder"),
        **settings.arguments,
    )
    encoder.set_normalisation(sample.mean(dim=(0, 2, 3)).tolist(), sample.std(dim=(0, 2, 3)).clamp(min=0.01).tolist())
    if settings.init_from:
        source = Path(settings.init_from).expanduser()
        report = load_weights(encoder, source if source.exists() else workspace.find_run(settings.init_from))
        say.log(f"Started from {settings.init_from}: {report.sentence}")
    return encoder


def meters_of(
    settings: PretrainSettings, cohort: Cohort, store: Store, encoder: Encoder, first: NDArray[Any], run: RunFolder
) -> Meters:
    """Meters over labelled development scans where the cohort has labels, over the pool alone where not."""
    unlabelled = UnitImages(store, store.rows_of(first))
    labelled: dict[str, Any] = {}
    chosen = labelled_scans(cohort, store, settings) if settings.meters else None
    if chosen is not None:
        scans, targets = chosen
        patient_of = patients_of(cohort)
        labelled = {
            "labelled": UnitImages(store, store.rows_of(scans)),
            "targets": targets,
            "patients": [patient_of[scan] for scan in scans],
        }
    elif settings.meters:
        run.log("The cohort has too few labels for kNN or probe; only collapse is watched.")
    return Meters(
        encoder,
        unlabelled,
        **labelled,
        kinds=method_named(settings.method).meters,
        epochs=settings.epochs,
        warmup=settings.train.warmup * settings.epochs,
        seed=settings.seed,
        say=run.log,
    )


def labelled_scans(
    cohort: Cohort, store: Store, settings: PretrainSettings
) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """At most 800 labelled development scans with their targets, or None where there are fewer than 40."""
    try:
        labels = cohort.labels()
    except InputError:
        return None
    scans = np.sort(cohort.development(labels))
    scans = scans[store.has(scans)]
    if len(scans) < FEWEST_SCANS:
        return None
    order = np.random.default_rng(mix(settings.seed, "labelled")).permutation(len(scans))[:MOST_SCANS]
    scans = scans[np.sort(order)]
    return scans, labels.targets(scans)


def facts_of(
    settings: PretrainSettings, cohort: Cohort, store: Store, pool: PoolIdentity, run: RunFolder, trained: Trained
) -> dict[str, Any]:
    """Where the encoder comes from, for ``encoder.json``; nothing that identifies a patient."""
    return {
        "method": settings.method,
        "run_id": run.run_id,
        "cohort": cohort.name,
        "cohort_version": cohort.version,
        "pool_digest": pool.digest,
        "pool_groups_digest": pool.groups_digest,
        "pool_scans": trained.scans,
        "site_key_fingerprint": pool.fingerprint,
        "settings_digest": settings.digest(),
        "store_digest": store.digest,
        "init_from": Path(settings.init_from).name,
        "epochs": trained.epochs,
        "steps": trained.steps,
        "stopped_early": trained.stopped,
        "meters": trained.meters,
        "collapse": trained.collapse,
    }


def _summarise(
    settings: PretrainSettings, result: FitResult, meters: Meters | None, pool: PoolIdentity, seconds: float
) -> Trained:
    last: dict[str, float] = {}
    for event in result.history:
        last.update({name: event[name] for name in Meters.FIGURES if name in event})
    return Trained(
        method=settings.method,
        encoder=settings.encoder,
        epochs=result.epochs,
        steps=result.steps,
        scans=pool.scans,
        images_per_s=result.images_per_s,
        wait_share=result.wait_share,
        precision=result.precision,
        device=result.device,
        meters=last,
        collapse=meters.collapse if meters else "",
        loss=float(result.history[-1]["loss"]) if result.history else float("nan"),
        seconds=seconds,
        stopped=result.stopped,
        pool_digest=pool.digest,
    )


def _record(tracker: Tracker, settings: PretrainSettings, run: RunFolder, trained: Trained) -> None:
    import workbench.models

    tracker.metrics({"images_per_s_mean": trained.images_per_s, "seconds": trained.seconds}, step=trained.epochs)
    if settings.log_pictures:
        tracker.artifact(run.path / "pictures")
    model_code = Path(workbench.models.__file__).with_name("mlflow_model.py")
    tracker.encoder(run.path, model_code)
