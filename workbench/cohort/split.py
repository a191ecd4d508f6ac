"""The split: which patients are set aside as the test set, before anybody labels, and for good."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.groups import smallest_patient
from workbench.cohort.keys import SiteKey
from workbench.config import digest_of
from workbench.errors import InputError, OperationFailed
from workbench.runs.status import write_text

if TYPE_CHECKING:
    import pandas as pd

FILE = "split.json"
SCHEMA_VERSION = 1
MODES = ("hash", "stratified", "given")


@dataclass(frozen=True)
class SplitRule:
    """How new patients are placed.

    Attributes:
        mode: ``hash`` by the keyed hash alone, ``stratified`` by it within classes, ``given`` by a column.
        test_share: Share of the groups reserved, 0 to 1.
        seed: Another seed reserves other groups.
        stratify: The column whose values are kept in proportion, or ``label``.
        given_by: The column that says which scans are test.
        test_values: The values of that column that mean test.
    """

    mode: str = "hash"
    test_share: float = 0.25
    seed: int = 0
    stratify: str = ""
    given_by: str = ""
    test_values: tuple[str, ...] = ()

    def reserves(self, key: SiteKey, group: str) -> bool:
        """Whether a group not seen before is reserved: its keyed hash falls below the share.

        After a given split, newcomers are development: nobody said that they are test.
        """
        return self.mode != "given" and position(key, group, self.seed) < self.test_share


def position(key: SiteKey, group: str, seed: int) -> float:
    """Where a group stands in [0, 1), by the site key, its smallest patient key and the seed alone."""
    return key.share(f"split|{seed}|{smallest_patient(group)}")


@dataclass(frozen=True)
class Split:
    """The frozen split of a cohort.

    Attributes:
        rule: How it came about.
        fingerprint: Fingerprint of the site key under which the patient keys were made.
        test_patients: Keys of the reserved patients, sorted.
        moved: Keys of patients that a link found later took out of the test set.
    """

    rule: SplitRule
    fingerprint: str
    test_patients: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    _patients: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that change when any patient changes sides."""
        return digest_of({"fingerprint": self.fingerprint, "test": list(self.test_patients)})

    def with_manifest(self, manifest: pd.DataFrame) -> Split:
        """The same split, able to answer for the scans of this manifest."""
        return replace(self, _patients=dict(zip(manifest["scan_id"], manifest["patient_key"], strict=True)))

    def is_test(self, scan_ids: Sequence[str] | NDArray[Any]) -> NDArray[np.bool_]:
        """Which scans belong to reserved patients; ``(N,)`` booleans.

        Raises:
            InputError: A scan is not in the cohort.
        """
        reserved = set(self.test_patients)
        try:
            return np.fromiter((self._patients[scan] in reserved for scan in scan_ids), bool, len(scan_ids))
        except KeyError as error:
            raise InputError(
                f"The scan {error.args[0]} is not in this cohort.", todo="Index its files first."
            ) from error

    def grown(
        self, key: SiteKey, groups: Mapping[str, str], known: Callable[[str], bool]
    ) -> tuple[Split, tuple[str, ...]]:
        """The split after more files were read: nobody changes sides, except by the rule for links found later.

        A group with patients known before goes where they are. Where a link ties reserved and unreserved ones, all
        go to development. A group of newcomers is placed by the rule.

        Args:
            key: The site key.
            groups: Patient key to group, for every patient of the grown cohort.
            known: Says whether a patient was in the cohort before.

        Returns:
            The split, and the keys of the patients that this growth moved from test to development.
        """
        reserved = set(self.test_patients)
        sides: dict[str, set[bool]] = {}
        for patient, group in groups.items():
            if patient in reserved or known(patient):
                sides.setdefault(group, set()).add(patient in reserved)
        test, moved = [], []
        for patient, group in groups.items():
            before = sides.get(group)
            if before is None:
                if self.rule.reserves(key, group):
                    test.append(patient)
            elif before == {True}:
                test.append(patient)
            elif patient in reserved:
                moved.append(patient)
        absent = reserved - set(groups)
        grown = replace(
            self,
            test_patients=tuple(sorted([*test, *absent])),
            moved=tuple(sorted({*self.moved, *moved})),
        )
        return grown, tuple(sorted(moved))

    def write(self, folder: Path) -> None:
        """Write ``split.json`` into the cohort's folder."""
        content = {
            "schema_version": SCHEMA_VERSION,
            "digest": self.digest,
            "site_key_fingerprint": self.fingerprint,
            "rule": {
                "mode": self.rule.mode,
                "test_share": self.rule.test_share,
                "seed": self.rule.seed,
                "stratify": self.rule.stratify,
                "from": self.rule.given_by,
                "test_values": list(self.rule.test_values),
            },
            "test_patients": list(self.test_patients),
            "moved_to_development": list(self.moved),
        }
        write_text(folder / FILE, json.dumps(content, indent=1))

    @classmethod
    def read(cls, folder: Path) -> Split:
        """Read ``split.json``.

        Raises:
            OperationFailed: It is absent or damaged, or was changed by hand (its digest does not fit).
        """
        file = folder / FILE
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            rule = content["rule"]
            split = cls(
                rule=SplitRule(
                    rule["mode"],
                    rule["test_share"],
                    rule["seed"],
                    rule["stratify"],
                    rule["from"],
                    tuple(rule["test_values"]),
                ),
                fingerprint=content["site_key_fingerprint"],
                test_patients=tuple(content["test_patients"]),
                moved=tuple(content["moved_to_development"]),
            )
            stated = content["digest"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OperationFailed(
                "The cohort's split cannot be read.", where=file, todo="Bring the file back from a backup."
            ) from error
        if stated != split.digest:
            raise OperationFailed(
                "The cohort's split was changed by hand: its digest does not fit its patients.",
                where=file,
                todo="Bring the file back from a backup, or change the split with 'workbench split'.",
            )
        return split


def stratified(rule: SplitRule, key: SiteKey, groups: Mapping[str, str], strata: Mapping[str, str]) -> tuple[str, ...]:
    """Test patients by the keyed hash within each stratum, so that every class keeps its share.

    Args:
        rule: Share and seed.
        key: The site key.
        groups: Patient key to group.
        strata: Group to stratum; groups without one make a stratum of their own.

    Returns:
        Keys of the reserved patients, sorted.
    """
    by_stratum: dict[str, list[str]] = {}
    for group in set(groups.values()):
        by_stratum.setdefault(strata.get(group, ""), []).append(group)
    chosen: set[str] = set()
    for members in by_stratum.values():
        members.sort(key=lambda group: position(key, group, rule.seed))
        chosen.update(members[: round(rule.test_share * len(members))])
    return tuple(sorted(patient for patient, group in groups.items() if group in chosen))


def given(groups: Mapping[str, str], sides: Iterable[tuple[str, bool]]) -> tuple[tuple[str, ...], int]:
    """Test patients from a split that came with the data; a group that lies on both sides goes to development.

    Args:
        groups: Patient key to group.
        sides: ``(patient key, is test)`` of every scan for which the column says something.

    Returns:
        Keys of the reserved patients, sorted, and the number of groups that lay on both sides.
    """
    by_group: dict[str, set[bool]] = {}
    for patient, is_test in sides:
        by_group.setdefault(groups[patient], set()).add(is_test)
    straddling = sum(len(found) == 2 for found in by_group.values())
    test = tuple(sorted(patient for patient, group in groups.items() if by_group.get(group) == {True}))
    return test, straddling
