"""The grid: every arm, protocol, budget and draw, run once and kept, so that a stopped study goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.config import digest_of
from workbench.errors import OperationFailed
from workbench.evaluation import features as feature_files
from workbench.evaluation.kept_features import kept_features, weights_digest
from workbench.evaluation.pixels import PIXELS, pixel_features
from workbench.evaluation.standardise import Standardiser
from workbench.runs.folder import RunFolder
from workbench.runs.seeds import mix
from workbench.study.arms import PCA, Arm
from workbench.study.cell_progress import FeatureProgress, TrainingProgress, check_stop
from workbench.study.data import StudyData
from workbench.study.draws import ALL, Budget, Drawn, available, draw, patient_order
from workbench.study.settings import StudySettings

PCA_COMPONENTS = 64
VERSIONS = {"probe": 1, "knn": 2, "finetune": 1}
"""A protocol's number grows when its cells come out differently: kept ones of before are then not read."""


@dataclass(frozen=True)
class CellResult:
    """Predictions of one draw.

    Attributes:
        arm, protocol, budget, draw: Which.
        drawn: The labelled scans.
        probabilities: ``(N_test, C)`` per test scan.
        setting: What was chosen inside the budget: the probe's penalty, kNN's k; nan otherwise.
    """

    arm: str
    protocol: str
    budget: str
    draw: int
    drawn: Drawn
    probabilities: NDArray[np.float32]
    setting: float = float("nan")


class Grid:
    """Runs cells and keeps their predictions below ``run.path/cells``.

    Args:
        settings: The study's.
        data: Its scans.
        run: Its folder, told of progress and asked for stops.
    """

    def __init__(self, settings: StudySettings, data: StudyData, run: RunFolder) -> None:
        self.settings, self.data, self.run = settings, data, run
        self.folder = run.path / "cells"
        self.folder.mkdir(exist_ok=True)
        self._features: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
        self._identities: dict[str, list[Any]] = {}
        self._orders: dict[int, NDArray[np.int64]] = {}
        self._drawn: dict[tuple[str, int], Drawn] = {}
        self._counted = (0, 0)
        self.not_run: list[str] = []

    def plan(self, arms: list[Arm]) -> list[tuple[Arm, str, Budget, int]]:
        """Every cell that will be run; what is too small to draw is refused here, before anything is trained.

        Budgets above what there is are left out and said so in ``not_run``.

        Raises:
            InputError: A budget is too small, or every one is too large.
        """
        cells = []
        self.not_run = []
        unit = self.settings.budget_unit
        most = available(self.data.development, unit, cap=self.settings.scans_per_patient)
        for protocol in self.settings.protocols:
            asked_for = self.settings.budgets_of(protocol)
            feasible = [asked for asked in asked_for if asked == ALL or int(asked) <= most]
            for asked in asked_for:
                if asked not in feasible:
                    self.not_run.append(
                        f"{asked} labelled {unit} by {protocol}: the development set has {most:,} {unit} only."
                    )
            for asked in feasible or asked_for[:1]:
                budget = Budget(asked, unit)
                for number in range(self.settings.draws_of(protocol, asked)):
                    self.drawn(budget, number)
                for arm in arms:
                    if arm.allows(protocol):
                        cells += [
                            (arm, protocol, budget, number) for number in range(self.settings.draws_of(protocol, asked))
                        ]
        return cells

    def drawn(self, budget: Budget, number: int) -> Drawn:
        """The labelled scans of a draw at a budget, the same for every arm and protocol."""
        if (str(budget), number) in self._drawn:
            return self._drawn[str(budget), number]
        if number not in self._orders:
            self._orders[number] = patient_order(
                self.data.development, seed=self.settings.seed, task=self.data.digest, draw=number
            )
        cap = self.settings.scans_per_patient
        found = draw(self.data.development, budget, self._orders[number], cap=cap, seed=self.settings.seed)
        return self._drawn.setdefault((str(budget), number), found)

    def results(self, arms: list[Arm]) -> Iterator[CellResult]:
        """Run or read every cell.

        Raises:
            InputError: A budget cannot be drawn.
            Stopped: Somebody asked for a stop.
        """
        cells = self.plan(arms)
        # What takes seconds comes first and is counted by itself, so that the time left of the trainings can be told.
        phases = (
            ("probes", self._frozen, [name for name in self.settings.protocols if name != "finetune"]),
            ("trainings", self._finetuned, [name for name in self.settings.protocols if name == "finetune"]),
        )
        for unit, run, protocols in phases:
            total, done = sum(protocol in protocols for _, protocol, _, _ in cells), 0
            self._counted = (done, total)
            for arm in arms:
                for protocol in protocols:
                    mine = [(budget, number) for a, p, budget, number in cells if a is arm and p == protocol]
                    for result in run(arm, protocol, mine) if mine else ():
                        done += 1
                        self._counted = (done, total)
                        self.run.progress(done, total, unit, arm=arm.name, protocol=protocol)
                        yield result

    def _frozen(self, arm: Arm, protocol: str, cells: list[tuple[Budget, int]]) -> Iterator[CellResult]:
        """All draws of a protocol on frozen features at once."""
        drawn = [self.drawn(budget, number) for budget, number in cells]
        file = self.folder / f"{self._digest(arm, protocol, [[d.order_hash, d.n_scans] for d in drawn])}.npz"
        if not file.exists():
            check_stop(self.run)
            train, test = self.features(arm)
            rows = [d.rows for d in drawn]
            probabilities, setting = self._solve(protocol, train, test, rows)
            _keep(file, probabilities=probabilities, setting=setting)
        with np.load(file) as kept:
            probabilities, setting = kept["probabilities"], kept["setting"]
        for place, (budget, number) in enumerate(cells):
            yield CellResult(
                arm.name, protocol, str(budget), number, drawn[place], probabilities[place], float(setting[place])
            )

    def _solve(
        self, protocol: str, train: NDArray[np.float32], test: NDArray[np.float32], rows: list[NDArray[np.int64]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        shared: dict[str, Any] = {"classes": len(self.data.classes), "seed": self.settings.seed}
        patients = self.data.development.patients
        if protocol == "probe":
            from workbench.evaluation.probe import fit_probes

            fits = fit_probes(train, self.data.dev_targets, rows, test, patients, **shared)
            return fits.probabilities, np.exp(np.nanmean(np.log(fits.lambdas), axis=1))
        from workbench.evaluation.knn import knn_many

        found = knn_many(train, self.data.dev_targets, rows, test, patients, **shared)
        return found.probabilities, found.k.astype(float)

    def _finetuned(self, arm: Arm, protocol: str, cells: list[tuple[Budget, int]]) -> Iterator[CellResult]:
        """One training per cell."""
        for budget, number in cells:
            drawn = self.drawn(budget, number)
            seed = mix(self.settings.seed, "finetune", str(budget), number)
            file = self.folder / f"{self._digest(arm, protocol, drawn.order_hash, drawn.n_scans, seed)}.npz"
            if not file.exists():
                check_stop(self.run)
                try:
                    told = TrainingProgress(
                        self.run, *self._counted, arm=arm.name, labels=str(budget), draw=str(number)
                    )
                    _keep(file, probabilities=self._train(arm, drawn, seed, told))
                except OperationFailed as error:
                    # One training that fails must not cost the others; the report says that it is missing.
                    words = f"{arm.name} fine-tuned at {budget}, draw {number}: {error.what}"
                    self.run.log(words)
                    self.not_run.append(words)
                    continue
            with np.load(file) as kept:
                yield CellResult(arm.name, protocol, str(budget), number, drawn, kept["probabilities"])

    def _train(self, arm: Arm, drawn: Drawn, seed: int, told: TrainingProgress) -> NDArray[np.float32]:
        from workbench.finetuning.arm import finetune_arm
        from workbench.store.datasets import UnitImages

        store = self.data.store
        assert store is not None and arm.make is not None  # only encoders are fine-tuned, and they need images
        scratch = arm.kind == "scratch"
        train = None if scratch else self.features(arm)[0]
        return finetune_arm(
            arm.make,
            UnitImages(store, store.rows_of(self.data.dev_ids[drawn.rows])),
            self.data.dev_targets[drawn.rows],
            UnitImages(store, store.rows_of(self.data.test_ids)),
            self.data.development.patients[drawn.rows],
            self.settings.finetune,
            seed,
            told,
            classes=len(self.data.classes),
            scratch=scratch,
            features=None if train is None else train[drawn.rows],
            standardiser=None if train is None else Standardiser.fit(train),
        )

    def features(self, arm: Arm) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Frozen features of an arm, computed once: ``(N_dev, D)`` and ``(N_test, D)``."""
        if arm.name not in self._features:
            if arm.kind == "features":
                table = feature_files.load(arm.spec)
                self._features[arm.name] = table.of(self.data.dev_ids), table.of(self.data.test_ids)
            elif arm.kind == PCA:
                self._features[arm.name] = principal_components(*self._extracted(arm, pixels=True))
            else:
                self._features[arm.name] = self._extracted(arm, pixels=arm.kind == PIXELS)
        return self._features[arm.name]

    def _extracted(self, arm: Arm, *, pixels: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        from workbench.training.devices import choose_accelerator

        store = self.data.store
        assert store is not None
        encoder = pixel_features() if pixels or arm.make is None else arm.make()
        ids = np.concatenate([self.data.dev_ids, self.data.test_ids])
        device = choose_accelerator(self.settings.finetune.train)
        found = kept_features(encoder, store, ids, device=device, progress=FeatureProgress(self.run, arm.name))
        return found[: len(self.data.dev_ids)], found[len(self.data.dev_ids) :]

    def _identity(self, arm: Arm) -> list[Any]:
        """What makes an arm the same arm: its weights, not its name."""
        if arm.name not in self._identities:
            content = ""
            if arm.kind == "features":
                content = hashlib.sha256(Path(arm.spec).read_bytes()).hexdigest()
            elif arm.make is not None:
                content = weights_digest(arm.make())
            self._identities[arm.name] = [arm.kind, arm.architecture, arm.arguments, content]
        return self._identities[arm.name]

    def _digest(self, arm: Arm, *parts: Any) -> str:
        settings = self.settings.finetune.plain() if parts[0] == "finetune" else {}
        store = self.data.store.digest if self.data.store else ""
        return digest_of(
            [VERSIONS[parts[0]], self._identity(arm), store, self.data.digest, settings, self.settings.seed, *parts]
        )


def principal_components(
    train: NDArray[np.float32], test: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The leading 64 principal components of the development scans' pixels, for both."""
    from sklearn import decomposition

    count = min(PCA_COMPONENTS, *train.shape)
    model = decomposition.PCA(count, svd_solver="randomized", random_state=0).fit(train)
    return model.transform(train).astype(np.float32), model.transform(test).astype(np.float32)


def _keep(file: Path, **arrays: Any) -> None:
    temporary = file.with_name(f".{file.stem}.part.npz")
    np.savez(temporary, **arrays)
    temporary.replace(file)
