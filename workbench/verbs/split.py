"""``workbench split``: show a cohort's patient-disjoint split, or change it before anything was pretrained on it."""

from __future__ import annotations

from pydantic import Field

from workbench.cohort.cohort import Cohort
from workbench.cohort.labelling import FEW_PATIENTS, few_in_test
from workbench.cohort.labels import versions
from workbench.cohort.quality.report import refresh
from workbench.cohort.resplit import change_split
from workbench.config import Result, Settings
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace

CHANGES = ("test_share", "seed", "stratify", "from_", "test_values")


class SplitSettings(Settings):
    """Which cohort; further settings change its split, without any it is only shown."""

    cohort: str = Field(description="Name of the cohort.")
    test_share: float = Field(0.25, ge=0, lt=1, description="Share of the patient groups set aside as test, 0 to 1.")
    seed: int = Field(0, ge=0, description="Another seed sets other groups aside.")
    stratify: str = Field("", description="Keep the shares of: label, or a column of the labels or the manifest.")
    from_: str = Field("", alias="from", description="Take over a given split: the column that says test or train.")
    test_values: str = Field("", description="With from: the values that mean test, separated by commas (a site, say).")


class SplitResult(Result):
    """The split in numbers."""

    cohort: str
    changed: bool
    digest: str
    mode: str
    test_share: float
    seed: int
    stratify: str
    given_by: str
    frozen: bool
    test_patients: int
    development_patients: int
    test_scans: int
    development_scans: int
    moved_to_development: int
    labels: str
    test_classes: dict[str, int]
    development_classes: dict[str, int]
    few_in_test: dict[str, int]
    notes: list[str]

    def summary(self) -> str:
        """The split in sentences."""
        how = {
            "hash": f"by keyed hash, {100 * self.test_share:g} % of the groups, seed {self.seed}",
            "stratified": f"by keyed hash within '{self.stratify}', {100 * self.test_share:g} %, seed {self.seed}",
            "given": f"given by the column '{self.given_by}'",
        }[self.mode]
        lines = [
            f"Split of '{self.cohort}' {'changed' if self.changed else 'as it is'}: {how} (digest {self.digest}).",
            f"Test: {self.test_scans:,} scans of {self.test_patients:,} patients. "
            f"Development: {self.development_scans:,} scans of {self.development_patients:,} patients.",
        ]
        if self.labels:
            for name, classes in (("Test", self.test_classes), ("Development", self.development_classes)):
                counts = ", ".join(f"{value}: {number:,}" for value, number in classes.items())
                lines.append(f"{name} scans by label ({self.labels}): {counts}.")
        for name, number in self.few_in_test.items():
            lines.append(
                f"Warning: the class '{name}' has {number} patients in the test set, fewer than {FEW_PATIENTS}; "
                "its intervals will be wide."
            )
        if self.moved_to_development:
            lines.append(f"{self.moved_to_development:,} patients moved to development by links found later.")
        lines += self.notes
        if self.frozen:
            lines.append("The split is frozen: an encoder was pretrained on this cohort.")
        return "\n".join(lines)


def split(settings: SplitSettings, *, workspace: Workspace, progress: Progress | None = None) -> SplitResult:
    """Show the split; with any further setting given, change it first.

    Raises:
        InputError: Something was pretrained on the cohort already, or a column does not fit.
    """
    cohort = Cohort.open(workspace.cohort_dir(settings.cohort))
    given = settings.model_fields_set & set(CHANGES)
    notes: list[str] = []
    if given:
        _, notes = change_split(
            cohort,
            test_share=settings.test_share if "test_share" in given else None,
            seed=settings.seed if "seed" in given else None,
            stratify=settings.stratify,
            given_by=settings.from_,
            test_values=settings.test_values,
        )
        refresh(cohort)
    now = cohort.split()
    labels = cohort.labels() if versions(cohort.folder) else None
    manifest = cohort.manifest
    test = now.is_test(manifest["scan_id"].to_numpy(dtype=object))
    return SplitResult(
        cohort=settings.cohort,
        changed=bool(given),
        digest=now.digest,
        mode=now.rule.mode,
        test_share=now.rule.test_share,
        seed=now.rule.seed,
        stratify=now.rule.stratify,
        given_by=now.rule.given_by,
        frozen=bool(cohort.pools()),
        test_patients=int(manifest.loc[test, "patient_key"].nunique()),
        development_patients=int(manifest.loc[~test, "patient_key"].nunique()),
        test_scans=int(test.sum()),
        development_scans=int((~test).sum()),
        moved_to_development=len(now.moved),
        labels=labels.version if labels else "",
        test_classes=labels.counts(cohort.test(labels)) if labels else {},
        development_classes=labels.counts(cohort.development(labels)) if labels else {},
        few_in_test=few_in_test(cohort, labels) if labels else {},
        notes=notes,
    )
