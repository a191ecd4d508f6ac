"""Reading a finished study: its kept predictions, and what each draw's labelled cases said out of fold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.audit.scores import Inside, Point
from workbench.audit.source import Features, Source, pool_of
from workbench.config import load_settings
from workbench.errors import InputError
from workbench.evaluation.units import Units
from workbench.runs.folder import RunFolder
from workbench.runs.workspace import Workspace
from workbench.study.draws import ALL, Budget
from workbench.study.settings import StudySettings

if TYPE_CHECKING:
    from workbench.study.arms import Arm
    from workbench.study.data import StudyData
    from workbench.study.grid import Grid

SAME = 0.02
"""Probabilities of a probe fitted again differ by less than this where features are the same."""
BASELINES = ("random", "pixels", "pca")


def read_study(
    folder: Path, workspace: Workspace, run: RunFolder, *, arm: str = "", protocol: str = "", labels: str = ""
) -> Source:
    """The scores of one arm of a study, and of its reference.

    Thresholds, temperatures and prediction sets need out-of-fold scores of each labelled set. Probes and kNN are fitted
    again for them on features that the study kept; of fine-tuned arms there are none.

    Args:
        folder: The study's.
        workspace: Where its cohort and encoders are.
        run: The audit's own folder; told of progress.
        arm: Which; by default the first pretrained one that has a verdict.
        protocol: Which; the study's headline by default.
        labels: Must be empty: a study has its own.

    Raises:
        InputError: The study is not finished, its cohort has changed, or there is no such arm.
    """
    from workbench.study.arms import resolve_arms
    from workbench.study.data import read_data
    from workbench.study.grid import Grid

    if labels:
        raise InputError("A study has its own labels.", where="labels", todo="Leave labels empty.")
    summary = _summary(folder)
    settings = load_settings(StudySettings, file=folder / "settings.yaml")
    settings = settings.model_copy(update={"labels": summary["labels_version"]})
    data = read_data(settings, workspace, run)
    if data.digest != summary["digests"]["data"]:
        raise InputError(
            "The cohort has changed since the study: other scans or labels would be audited than were scored.",
            where=f"cohort {settings.cohort}, study {folder.name}",
            todo="Run the study again under a new name, and audit that.",
        )
    arms = {a.name: a for a in resolve_arms(settings, data.cohort, data.test_ids, workspace, channels=_channels(data))}
    chosen, used = _choose(summary, arm, protocol)
    reference = next(
        (
            (found["reference"], found["reference_protocol"])
            for found in summary["comparisons"]
            if (found["arm"], found["protocol"]) == (chosen, used)
        ),
        ("", ""),
    )
    grid = Grid(settings, data, run)
    points = _points(folder, summary, data, grid, arms[chosen], used, settings)
    other = _points(folder, summary, data, grid, arms[reference[0]], reference[1], settings) if reference[0] else []
    found = arms[chosen]
    return Source(
        kind="study",
        run_id=folder.name,
        cohort=data.cohort,
        labels=data.cohort.labels(data.labels_version),
        arm=chosen,
        protocol=used,
        reference=reference,
        points=points,
        reference_points=other,
        test_ids=data.test_ids,
        test_targets=data.test_targets,
        units=data.units,
        unit=settings.unit,
        unit_targets=data.unit_targets,
        unit_patients=data.unit_patients,
        dev_ids=data.dev_ids,
        dev_targets=data.dev_targets,
        dev_patients=data.development.patients,
        budget_unit=settings.budget_unit,
        features=_features(grid, arms, found, settings),
        store=data.store,
        pool=pool_of(data.cohort, found.facts),
        warnings=list(summary["warnings"]),
        facts={"study_settings": settings.digest(), "data": data.digest, "cohort_version": summary["cohort_version"]},
    )


def _summary(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            "The study has no answer to audit yet.", where=folder, todo="Let it finish, or run it again."
        ) from error


def _channels(data: StudyData) -> int:
    return data.store.channels if data.store else 1


def _choose(summary: dict[str, Any], arm: str, protocol: str) -> tuple[str, str]:
    """The arm and protocol to audit."""
    run = list(dict.fromkeys((point["arm"], point["protocol"]) for point in summary["curve"]))
    used = protocol or summary["headline_protocol"]
    if not arm:
        primary = [found["arm"] for found in summary["comparisons"] if found["primary"]]
        fits = [name for name, own in run if own == used]
        arm = next((name for name in [*primary, *(n for n in fits if n != summary["reference"]), *fits]), "")
    if (arm, used) not in run:
        raise InputError(
            f"The study has no arm '{arm}' under the protocol '{used}'.",
            where="arm, protocol",
            todo=f"Choose one of {', '.join(f'{name} ({own})' for name, own in run)}.",
        )
    return arm, used


def _features(
    grid: Grid, arms: dict[str, Arm], chosen: Arm, settings: StudySettings
) -> dict[str, Callable[[], Features]]:
    """The audited arm's features, and those of one baseline of each kind; random weights are made if no arm has "
    "them."""
    wanted = [chosen] if chosen.kind != "scratch" else []
    for kind in BASELINES:
        own = [a for a in arms.values() if a.kind == kind and a.name != chosen.name]
        own = [a for a in own if not a.architecture or a.architecture == chosen.architecture][:1]
        if kind == "random" and not own and chosen.kind == "encoder":
            own = [_random(chosen, grid, settings)]
        wanted += own

    def of(arm: Arm) -> Callable[[], Features]:
        return lambda: grid.features(arm)

    return {arm.name: of(arm) for arm in wanted}


def _random(arm: Arm, grid: Grid, settings: StudySettings) -> Arm:
    """The same architecture with random weights."""
    from dataclasses import replace

    from workbench.models.encoders import build_encoder

    channels = _channels(grid.data)

    def make() -> Any:
        return build_encoder(
            arm.architecture, in_channels=channels, size=settings.size, seed=settings.seed, **arm.arguments
        )

    name = f"random:{arm.architecture}"
    return replace(arm, name=name, kind="random", spec=name, reference="", seen="nothing", facts={}, make=make)


def _points(
    folder: Path,
    summary: dict[str, Any],
    data: StudyData,
    grid: Grid,
    arm: Arm,
    protocol: str,
    settings: StudySettings,
) -> list[Point]:
    kept = _kept(folder, data, arm.name, protocol)
    curve = [p for p in summary["curve"] if (p["arm"], p["protocol"]) == (arm.name, protocol)]
    points = []
    inside = _out_of_fold(data, grid, arm, protocol, kept, settings)
    for place in sorted(curve, key=lambda p: p["n"]):
        budget = str(place["budget"])
        draws = sorted(draw for own, draw in kept if own == budget)
        points.append(
            Point(
                arm.name,
                protocol,
                budget,
                float(place["n"]),
                float(place["n_patients"]),
                np.array(draws),
                np.stack([data.units.scores(kept[budget, draw]) for draw in draws]),
                [inside[budget, draw] for draw in draws] if inside else [],
            )
        )
    return points


def _kept(folder: Path, data: StudyData, arm: str, protocol: str) -> dict[tuple[str, int], NDArray[np.float64]]:
    """``(N_test, C)`` of every budget and draw, from the study's table of predictions."""
    import pandas as pd

    try:
        table = pd.read_parquet(
            folder / "predictions.parquet",
            columns=["budget", "draw", "scan_id", "class", "probability"],
            filters=[("arm", "==", arm), ("protocol", "==", protocol)],
        )
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            "The study's predictions cannot be read.",
            where=folder / "predictions.parquet",
            todo="Run the study again with the same name: kept cells are not computed again.",
        ) from error
    rows = pd.Index(data.test_ids.astype(str)).get_indexer(pd.Index(table["scan_id"].astype(str)))
    columns = pd.Index(data.classes).get_indexer(pd.Index(table["class"].astype(str)))
    values = table["probability"].to_numpy(dtype=np.float64)
    if not len(table) or (rows < 0).any() or (columns < 0).any():
        raise InputError(
            "The study's predictions are of other scans than the cohort's test set.",
            where=folder / "predictions.parquet",
        )
    cells = list(zip(table["budget"].astype(str).tolist(), table["draw"].astype(int).tolist(), strict=True))
    numbers = {cell: number for number, cell in enumerate(dict.fromkeys(cells))}
    scores = np.full((len(numbers), len(data.test_ids), len(data.classes)), np.nan)
    scores[[numbers[cell] for cell in cells], rows, columns] = values
    if np.isnan(scores).any():
        raise InputError("The study's predictions are not complete.", where=folder / "predictions.parquet")
    return {cell: scores[number] for cell, number in numbers.items()}


def _out_of_fold(
    data: StudyData,
    grid: Grid,
    arm: Arm,
    protocol: str,
    kept: dict[tuple[str, int], NDArray[np.float64]],
    settings: StudySettings,
) -> dict[tuple[str, int], Inside]:
    """Out-of-fold scores of every draw, pooled to units; empty for what was fine-tuned.

    Raises:
        InputError: Fitted again, the probes give other scores than the study kept.
    """
    if protocol not in ("probe", "knn"):
        return {}
    from workbench.evaluation.knn import knn_many
    from workbench.evaluation.probe import fit_probes, to_probabilities

    train, test = grid.features(arm)
    keys = list(kept)
    drawn = [grid.drawn(Budget(ALL if b == ALL else int(b), settings.budget_unit), n).rows for b, n in keys]
    shared: dict[str, Any] = {"classes": len(data.classes), "seed": settings.seed}
    patients = data.development.patients
    if protocol == "probe":
        fits = fit_probes(train, data.dev_targets, drawn, test, patients, **shared)
        again, held_out = fits.probabilities, [to_probabilities(z, fits.task) for z in fits.oof_logits]
    else:
        found = knn_many(train, data.dev_targets, drawn, test, patients, **shared)
        again, held_out = found.probabilities, found.oof_probabilities
    moved = [float(np.abs(p - kept[key]).mean()) for key, p in zip(keys, again, strict=True)]
    if max(moved) > SAME:
        raise InputError(
            f"Fitted again, the scores of '{arm.name}' differ from those that the study kept.",
            where=f"{keys[int(np.argmax(moved))]}: mean difference {max(moved):.3f}",
            todo="Its encoder or features file has changed: run the study again under a new name.",
        )
    column = {"exam": "study_key", "patient": "patient_key"}.get(settings.unit)
    names = data.dev_ids.astype(str)
    if column:
        names = data.cohort.manifest.set_index("scan_id")[column].reindex(data.dev_ids).to_numpy().astype(str)
    made = {}
    for key, rows, p in zip(keys, drawn, held_out, strict=True):
        units = Units.of(names[rows])
        made[key] = Inside(
            units.scores(p),
            units.targets(data.dev_targets[rows], classes=len(data.classes)),
            units.groups(patients[rows]),
        )
    return made
