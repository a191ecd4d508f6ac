"""Changing a cohort's split, as long as nothing was pretrained on it: another share, strata, or a given split."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.cohort.cohort import Cohort
from workbench.cohort.labels import Labels, versions
from workbench.cohort.split import Split, SplitRule, given, stratified
from workbench.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

TEST_WORDS = ("test", "testing", "tst", "holdout", "hold-out", "held-out", "external")
DEVELOPMENT_WORDS = ("train", "training", "trn", "val", "valid", "validation", "dev", "development", "tune", "tuning")


def change_split(
    cohort: Cohort,
    *,
    test_share: float | None = None,
    seed: int | None = None,
    stratify: str = "",
    given_by: str = "",
    test_values: str = "",
) -> tuple[Split, list[str]]:
    """Split a cohort anew and write it.

    Args:
        cohort: The cohort.
        test_share: Share of the groups to set aside; as before when None.
        seed: Another seed sets other groups aside; as before when None.
        stratify: ``label``, or a column of the labels' attributes or of the manifest, whose values keep their shares.
        given_by: A column that says which scans are test; nothing is drawn then.
        test_values: The values of that column that mean test, separated by commas; words such as ``test`` when empty.

    Returns:
        The split, and sentences about what deserves a look.

    Raises:
        InputError: Something was pretrained on the cohort, or a column is absent or says nothing about test.
    """
    pools = cohort.pools()
    if pools:
        raise InputError(
            f"The split of '{cohort.name}' is frozen: {len(pools)} encoder pools were drawn from it, and patients "
            "moved now could already have been seen in pretraining.",
            where=cohort.pools_dir,
            todo=f"Index the sources into a new cohort and split that, or keep the split as it is "
            f"(workbench split {cohort.name} shows it).",
        )
    if stratify and given_by:
        raise InputError("A split is either stratified or given by a column, not both.", todo="Leave one of them out.")
    manifest = cohort.manifest
    groups = dict(zip(manifest["patient_key"], manifest["group"], strict=True))
    before = cohort.split()
    key = cohort.site_key()
    rule = replace(
        before.rule,
        test_share=before.rule.test_share if test_share is None else test_share,
        seed=before.rule.seed if seed is None else seed,
        mode="given" if given_by else "stratified" if stratify else "hash",
        stratify=stratify,
        given_by=given_by,
        test_values=(),
    )
    notes: list[str] = []
    if given_by:
        test, rule = _given(cohort, rule, groups, test_values, notes)
    elif stratify:
        column = _values(cohort, stratify)
        test = stratified(rule, key, groups, _strata(manifest, column))
    else:
        test = tuple(sorted(patient for patient, group in groups.items() if rule.reserves(key, group)))
    split = Split(rule, before.fingerprint, test)
    split.write(cohort.folder)
    cohort.refresh_hashes()
    return split.with_manifest(manifest), notes


def _given(
    cohort: Cohort, rule: SplitRule, groups: dict[str, str], test_values: str, notes: list[str]
) -> tuple[tuple[str, ...], SplitRule]:
    values = _values(cohort, rule.given_by)
    stated = values[values != ""]
    wanted = tuple(word.strip() for word in test_values.split(",") if word.strip())
    found = sorted(set(stated))
    if not wanted:
        wanted = tuple(value for value in found if value.lower() in TEST_WORDS)
        unknown = [value for value in found if value.lower() not in (*TEST_WORDS, *DEVELOPMENT_WORDS)]
        if unknown:
            raise InputError(
                f"The column '{rule.given_by}' holds '{unknown[0]}', which says neither test nor training.",
                todo="Say which values mean test: test_values=A,B.",
            )
    absent = [value for value in wanted if value not in found]
    if absent or not wanted:
        raise InputError(
            f"No scan has {rule.given_by}={absent[0] if absent else 'test'}; the column holds: "
            f"{', '.join(found) or 'nothing'}.",
            todo="Say which values mean test: test_values=A,B.",
        )
    patients = cohort.manifest["patient_key"]
    sides = zip(patients[stated.index], stated.isin(wanted), strict=True)
    test, straddling = given(groups, ((patient, bool(side)) for patient, side in sides))
    if straddling:
        notes.append(f"{straddling:,} groups of patients lay on both sides of the given split and went to development.")
    if len(stated) < len(values):
        notes.append(
            f"{len(values) - len(stated):,} scans have no value of '{rule.given_by}'; they follow their patients."
        )
    if not test:
        raise InputError(
            "Nothing would be left in the test set: every group with test scans has training scans too.",
            todo="Use the keyed split instead: leave out from=.",
        )
    return test, replace(rule, test_values=wanted)


def _values(cohort: Cohort, column: str) -> pd.Series:
    """The column's value of every row of the manifest, as text, empty where not stated."""
    manifest = cohort.manifest
    if column == "label":
        labels = cohort.labels()
        if labels.task == "multilabel":
            raise InputError(
                "A multi-label task has no single class to stratify by.", todo="Name an attribute or a manifest column."
            )
        by_scan = labels.table.set_index("scan_id")["label"]
    else:
        by_scan = _attribute(cohort, column)
        if by_scan is None:
            if column not in manifest.columns:
                known = sorted({*manifest.columns, *_attribute_names(cohort)})
                raise InputError(f"There is no column '{column}'.", todo=f"Choose from: {', '.join(known)}.")
            return manifest[column].astype(object).where(manifest[column].notna(), "").astype(str)
    return manifest["scan_id"].map(by_scan).fillna("").astype(str)


def _attribute(cohort: Cohort, column: str) -> pd.Series | None:
    for version in reversed(versions(cohort.folder)):
        attributes = Labels.read(cohort.folder, version).attributes
        if column in attributes.columns and column != "scan_id":
            return attributes.set_index("scan_id")[column]
    return None


def _attribute_names(cohort: Cohort) -> set[str]:
    names: set[str] = set()
    for version in versions(cohort.folder):
        names.update(Labels.read(cohort.folder, version).attributes.columns)
    return names - {"scan_id"}


def _strata(manifest: pd.DataFrame, values: pd.Series) -> dict[str, str]:
    """The stratum of each group: the rarest of its values, so that rare classes keep their share."""
    stated = values[values != ""]
    counts = stated.value_counts().to_dict()
    strata: dict[str, str] = {}
    for group, value in zip(manifest.loc[stated.index, "group"], stated, strict=True):
        there = strata.get(group)
        if there is None or (counts[value], value) < (counts[there], there):
            strata[group] = value
    return strata
