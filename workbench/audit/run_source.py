"""Reading the scores of one classifier: a fine-tuning's test predictions, or a prediction run on a cohort."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.audit.scores import Inside, Point
from workbench.audit.source import Features, Source, pool_of
from workbench.cohort.cohort import Cohort
from workbench.cohort.labels import Labels
from workbench.config import read_yaml
from workbench.errors import InputError
from workbench.evaluation.units import Units
from workbench.finetuning.record import unit_keys
from workbench.runs.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd


def read_run(folder: Path, kind: str, workspace: Workspace, *, labels: str = "") -> Source:
    """The scores of a fine-tuning's or a prediction run's classifier on reserved, labelled scans.

    Args:
        folder: The run's.
        kind: ``finetune`` or ``predict``.
        workspace: Where its cohort is.
        labels: Version of the labels, of a prediction run; the latest by default.

    Raises:
        InputError: It has no predictions of reserved, labelled scans.
    """
    settings = read_yaml(folder / "settings.yaml")
    if not settings.get("cohort"):
        raise InputError(
            "This prediction was made on files, not on a cohort: there are no labels to audit it by.",
            where=folder,
            todo="Run 'workbench predict MODEL cohort=NAME only=reserved' on a labelled cohort, and audit that.",
        )
    table = _table(folder)
    cohort = Cohort.open(workspace.cohort_dir(str(settings["cohort"])))
    result = read_yaml(folder / "result.json") if (folder / "result.json").exists() else {}
    version = labels or str(result.get("labels", "")) or str(settings.get("labels") or "")
    known = cohort.labels(version or None)
    # A prediction of exams or patients was pooled already.
    unit = str(settings.get("unit") or "scan")
    key = {"scan": "scan_id", "exam": "study_key", "patient": "patient_key"}[unit] if kind == "predict" else "scan_id"
    test = np.sort(cohort.test(known))
    scores, there = _scores(table, key, known, cohort, test)
    test = test[there]
    if not len(test):
        raise InputError(
            "The run scored no reserved scan that has a label.",
            where=folder,
            todo="Score the test set: 'workbench predict MODEL cohort=NAME only=reserved'.",
        )
    units = Units.of(unit_keys(cohort.manifest, test, unit).astype(str))
    targets = known.targets(test)
    pooled = units.scores(scores[there])
    patients = unit_keys(cohort.manifest, test, "patient").astype(str)
    model = folder if kind == "finetune" else _model(str(settings.get("model", "")), workspace)
    facts = _facts(model)
    store = _store(cohort, facts, workspace)
    dev = np.sort(cohort.development(known))
    dev = dev[store.has(dev)] if store is not None else dev
    n_scans = float(result.get("n_scans") or facts.get("budget_scans") or len(dev))
    n_patients = float(result.get("n_patients") or len(set(unit_keys(cohort.manifest, dev, "patient"))))
    inside = _inside(folder if kind == "finetune" else model, known, cohort, unit, len(known.classes))
    in_patients = settings.get("budget_unit", "patients") == "patients"
    point = Point(
        "model",
        kind,
        "all" if not settings.get("budget") else str(settings["budget"]),
        n_patients if in_patients else n_scans,
        n_patients,
        np.zeros(1, np.int64),
        pooled[None],
        [inside] if inside else [],
    )
    return Source(
        kind=kind,
        run_id=folder.name,
        cohort=cohort,
        labels=known,
        arm="model",
        protocol=kind,
        reference=("", ""),
        points=[point],
        reference_points=[],
        test_ids=test,
        test_targets=targets,
        units=units,
        unit=unit,
        unit_targets=units.targets(targets, classes=len(known.classes)),
        unit_patients=units.groups(patients),
        dev_ids=dev,
        dev_targets=known.targets(dev),
        dev_patients=unit_keys(cohort.manifest, dev, "patient").astype(str),
        budget_unit="patients" if in_patients else "scans",
        features=_features(model, store, dev, test, seed=int(settings.get("seed") or 0)),
        store=store,
        pool=pool_of(cohort, facts.get("source_facts", {})),
        facts={"cohort_version": cohort.version, "labels": known.version},
    )


def _table(folder: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(folder / "predictions.parquet")
    except (OSError, ValueError) as error:
        raise InputError(
            "The run has no predictions.", where=folder, todo="Let it finish, or leave out= empty."
        ) from error


def _scores(
    table: pd.DataFrame, key: str, labels: Labels, cohort: Cohort, test: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """``(N, C)`` of the test scans, and which of them have scores; what was pooled is given to all scans of a unit."""
    import pandas as pd

    classes = labels.classes
    if "class" in table:
        wide = table.pivot_table(index=key, columns="class", values="probability", observed=True)
    else:
        wide = table.set_index(key)
    missing = [name for name in classes if name not in wide.columns]
    if missing or key not in (wide.index.name,):
        raise InputError(
            f"The predictions have no class '{missing[0]}'." if missing else f"The predictions have no column '{key}'.",
            where=f"labels {labels.version}: {', '.join(classes)}",
            todo="Choose the labels that the classifier was trained on: labels=VERSION.",
        )
    names = cohort.manifest.set_index("scan_id", drop=False).loc[test.tolist(), key].to_numpy(dtype=object)
    place = pd.Index(wide.index).get_indexer(names)
    values = wide[classes].to_numpy(dtype=np.float64)
    return values[np.maximum(place, 0)], place >= 0


def _model(model: str, workspace: Workspace) -> Path | None:
    from workbench.models import classifier

    for candidate in (Path(model).expanduser(), workspace.root / model):
        if (candidate / classifier.FACTS).is_file():
            return candidate
    try:
        return workspace.find_run(model, "finetune")
    except InputError:  # it was deleted since: only its features are missed
        return None


def _facts(model: Path | None) -> dict[str, Any]:
    from workbench.models import classifier

    if model is None or not (model / classifier.FACTS).is_file():
        return {}
    return classifier.read_facts(model)


def _inside(model: Path | None, labels: Labels, cohort: Cohort, unit: str, classes: int) -> Inside | None:
    """Out-of-fold scores of the classifier's own labelled scans, where the fine-tuning kept them."""
    import pandas as pd

    file = model / "out_of_fold.parquet" if model else None
    if file is None or not file.is_file():
        return None
    wide = pd.read_parquet(file).pivot_table(index="scan_id", columns="class", values="probability", observed=True)
    scans = np.intersect1d(wide.index.to_numpy(dtype=object), labels.scan_ids)
    if not len(scans) or any(name not in wide.columns for name in labels.classes):
        return None
    units = Units.of(unit_keys(cohort.manifest, scans, unit).astype(str))
    p = wide.loc[scans.tolist(), labels.classes].to_numpy(dtype=np.float64)
    patients = unit_keys(cohort.manifest, scans, "patient").astype(str)
    return Inside(units.scores(p), units.targets(labels.targets(scans), classes=classes), units.groups(patients))


def _store(cohort: Cohort, facts: dict[str, Any], workspace: Workspace) -> Any:
    from workbench.store.building import build_store
    from workbench.store.settings import StoreSettings

    if not facts.get("store_settings"):
        return None
    return build_store(cohort, settings=StoreSettings.model_validate(facts["store_settings"]), workspace=workspace)


def _features(
    model: Path | None, store: Any, dev: NDArray[Any], test: NDArray[Any], *, seed: int
) -> dict[str, Callable[[], Features]]:
    """Features of the classifier's own encoder, and of the same architecture with random weights."""
    if model is None or store is None or not store.has(test).all():
        return {}
    from workbench.evaluation.kept_features import kept_features
    from workbench.models.classifier import load_classifier
    from workbench.models.encoders import build_encoder

    def of(make: Callable[[], Any]) -> Callable[[], Features]:
        def compute() -> Features:
            found = kept_features(make(), store, np.concatenate([dev, test]))
            return found[: len(dev)], found[len(dev) :]

        return compute

    def trained() -> Any:
        return load_classifier(model).encoder

    def random() -> Any:
        own = trained()
        return build_encoder(own.name, in_channels=own.in_channels, size=own.size, seed=seed, **own.arguments)

    return {"model": of(trained), "random weights": of(random)}
