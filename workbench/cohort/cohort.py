"""A cohort: a named set of scans with its manifest, labels, decisions and split, in one folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.cohort import archives, decisions
from workbench.cohort.columns import KINDS, NAMES, UNUSABLE_FLAGS
from workbench.cohort.groups import connect
from workbench.cohort.keys import SiteKey
from workbench.cohort.labels import Labels, versions
from workbench.cohort.leaks import COLUMNS as POOL_COLUMNS
from workbench.cohort.leaks import PoolKeys
from workbench.cohort.manifest import PATH_COLUMNS, known_patients, write_parquet
from workbench.cohort.split import Split, SplitRule
from workbench.cohort.volumes import access
from workbench.config import read_yaml
from workbench.errors import InputError, OperationFailed
from workbench.runs.status import write_text

if TYPE_CHECKING:
    import pandas as pd

    from workbench.cohort.volumes.volume import Volume

SCHEMA_VERSION = 1
HASHED = ("manifest.parquet", "volumes.parquet", "decisions.csv", "split.json", "refused.csv")
Ids = NDArray[np.object_]


class Cohort:
    """A cohort on disk; ``Cohort.open`` reads one.

    Args:
        folder: The cohort's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)

    def __repr__(self) -> str:
        return f"Cohort({self.name!r})"

    @classmethod
    def open(cls, folder: str | Path) -> Cohort:
        """The cohort in ``folder``.

        Raises:
            InputError: There is none.
        """
        cohort = cls(Path(folder))
        if not (cohort.folder / "manifest.parquet").is_file():
            others = sorted(file.parent.name for file in cohort.folder.parent.glob("*/manifest.parquet"))
            raise InputError(
                f"There is no cohort '{cohort.name}'.",
                where=cohort.folder,
                todo=f"Known: {', '.join(others)}."
                if others
                else "Make it with 'workbench index SOURCE --cohort NAME'.",
            )
        return cohort

    @classmethod
    def create(
        cls,
        folder: str | Path,
        manifest: pd.DataFrame,
        *,
        paths: Mapping[str, Path] | None = None,
        test_share: float = 0.25,
        split_seed: int = 0,
    ) -> Cohort:
        """Make a cohort from a manifest that is already known, without reading files.

        Args:
            folder: Its folder, absent or empty.
            manifest: At least ``scan_id, path_key, patient_key, pixel_hash``; missing columns are filled with nothing,
                and ``group`` is always worked out anew.
            paths: The file of every ``path_key``.
            test_share: Share of the groups set aside as test.
            split_seed: Another seed sets other groups aside.

        Raises:
            InputError: The folder holds a cohort already.
        """
        cohort = cls(Path(folder))
        if (cohort.folder / "manifest.parquet").exists():
            raise InputError(f"The cohort '{cohort.name}' exists already.", where=cohort.folder)
        private = cohort.folder / "private"
        private.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = SiteKey.load()
        table = manifest.reindex(columns=list(NAMES)).reset_index(drop=True)
        table["flags"] = table["flags"].fillna("")
        groups = _groups_of(table)
        table["group"] = table["patient_key"].map(groups)
        rule = SplitRule("hash", test_share, split_seed)
        split, _ = Split(rule, key.fingerprint).grown(key, groups, lambda patient: False)
        rows = ([_cell(value) for value in row] for row in table.itertuples(index=False, name=None))
        path_rows = ((k, *[os.fsencode(p)] * 2, "", 0, 0) for k, p in (paths or {}).items())
        write_parquet(private / "paths.parquet", PATH_COLUMNS, path_rows)
        decisions.begin(cohort.folder)
        (cohort.folder / "refused.csv").write_text("path_key,outcome,detail\n", encoding="utf-8")
        split.write(cohort.folder)
        write_parquet(cohort.folder / "manifest.parquet", [(name, KINDS[name]) for name in NAMES], rows)
        cohort.describe(key.fingerprint, sources=0)
        return cohort

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def private(self) -> Path:
        """The folder of what never leaves: real paths, links to identifiers' hashes, lists of pools."""
        return self.folder / "private"

    @cached_property
    def manifest(self) -> pd.DataFrame:
        """One row per scan, with the columns of ``columns.MANIFEST``; kept once it is read."""
        return self._read_manifest()

    def columns(self, *names: str) -> pd.DataFrame:
        """Some columns of the manifest, one row per scan; read each time unless the whole is there already."""
        return self.manifest[list(names)] if "manifest" in self.__dict__ else self._read_manifest(list(names))

    def _read_manifest(self, columns: list[str] | None = None) -> pd.DataFrame:
        import pandas as pd

        try:
            return pd.read_parquet(self.folder / "manifest.parquet", columns=columns, use_threads=False)
        except (OSError, ValueError) as error:
            raise OperationFailed(
                "The cohort's manifest cannot be read.", where=self.folder, todo="Run 'workbench index' again."
            ) from error

    @cached_property
    def volumes(self) -> pd.DataFrame:
        """One row per volume, with the columns of ``columns.VOLUMES``: scans beside those of the manifest."""
        return access.table(self.folder, "volumes")

    @cached_property
    def stacks(self) -> pd.DataFrame:
        """One row per stack of slices, whether or not it is a volume, with the columns of ``columns.STACKS``."""
        return access.table(self.folder, "stacks")

    def read_volume(self, scan_id: str) -> Volume:
        """A volume's ``values`` ``(slices, rows, columns)``, ``affine_lps`` and ``spacing_mm``.

        Raises:
            InputError: There is no such volume, or the cohort's private folder is not at hand.
            OperationFailed: A slice cannot be decoded, has changed, or is no longer where it was indexed.
        """
        return access.read(self, scan_id)

    def with_volumes(self, *, tilted: bool = False, uneven: bool = False) -> Cohort:
        """The same cohort with its volumes for scans: ``usable``, ``pool`` and ``keys_of`` speak of volumes.

        Args:
            tilted: Stacks of a tilted gantry are volumes too: the store straightens them.
            uneven: Stacks with missing slices or changing spacing are volumes as a whole: the store resamples them.
        """
        cohort = Cohort(self.folder)
        cohort.manifest = access.scans(self.volumes, self.stacks, tilted=tilted, uneven=uneven)
        return cohort

    @property
    def version(self) -> str:
        """Sixteen hexadecimal digits over the cohort's files: facts, labels, decisions and split."""
        state = hashlib.sha256()
        for name in (*HASHED, *(f"labels/{version}.parquet" for version in sorted(versions(self.folder)))):
            file = self.folder / name
            state.update(name.encode())
            if file.exists():
                with file.open("rb") as stream:
                    hashlib.file_digest(stream, lambda: state)
        return state.hexdigest()[:16]

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the site key under which the cohort's keys were made."""
        return str(read_yaml(self.folder / "cohort.yaml").get("site_key_fingerprint", ""))

    def site_key(self) -> SiteKey:
        """The site's key, if it is the one that the cohort was made with.

        Raises:
            InputError: It is another.
        """
        key = SiteKey.load()
        if key.fingerprint != self.fingerprint:
            raise InputError(
                f"The cohort '{self.name}' was made under the site key {self.fingerprint}; "
                f"the one in use is {key.fingerprint}.",
                where=SiteKey.file(),
                todo="Bring back the right key file, or name it in WORKBENCH_SITE_KEY_FILE.",
            )
        return key

    def describe(self, fingerprint: str, *, sources: int) -> None:
        """Write ``cohort.yaml``."""
        import yaml

        content = {
            "schema_version": SCHEMA_VERSION,
            "name": self.name,
            "sources": sources,
            "site_key_fingerprint": fingerprint,
            "patients": len(known_patients(self.folder / "manifest.parquet")),
            "sha256": {name: _sha256(self.folder / name) for name in HASHED if (self.folder / name).exists()},
        }
        write_text(self.folder / "cohort.yaml", yaml.safe_dump(content, sort_keys=False))

    def refresh_hashes(self) -> None:
        """Write ``cohort.yaml`` again after one of the cohort's files changed."""
        content = read_yaml(self.folder / "cohort.yaml")
        self.describe(str(content["site_key_fingerprint"]), sources=int(content["sources"]))

    def split(self) -> Split:
        """The frozen split."""
        return Split.read(self.folder).with_manifest(self.columns("scan_id", "patient_key"))

    def labels(self, version: str | None = None) -> Labels:
        """A version of the labels; the latest when none is named."""
        return Labels.read(self.folder, version)

    def usable(self) -> NDArray[np.bool_]:
        """Which rows of the manifest may be used: not blank or otherwise flagged as unfit unless a decision includes
        them, and not excluded by one."""
        codes, words = self.columns("flags")["flags"].fillna("").factorize()
        unfit = [not set(word.split(";")).isdisjoint(UNUSABLE_FLAGS) for word in words]
        usable = ~np.array(unfit, bool)[codes]
        for column, keys in decisions.standing(self.folder, "include").items():
            usable |= self.columns(column)[column].isin(keys).to_numpy(bool)
        for column, keys in decisions.standing(self.folder, "exclude").items():
            usable &= ~self.columns(column)[column].isin(keys).to_numpy(bool)
        return usable

    def pool(self) -> Ids:
        """Scans for pretraining: usable, not of reserved patients, each picture once; ``(N,)`` scan ids."""
        return self._chosen(self.usable() & ~self._test_rows())

    def development(self, labels: Labels) -> Ids:
        """Labelled scans from which budgets are drawn: usable, not of reserved patients, each picture once."""
        return self._chosen(self.usable() & ~self._test_rows() & self._labelled(labels))

    def test(self, labels: Labels) -> Ids:
        """The test set: labelled usable scans of reserved patients, each picture once."""
        return self._chosen(self.usable() & self._test_rows() & self._labelled(labels))

    def keys_of(self, scan_ids: Sequence[str] | NDArray[Any]) -> PoolKeys:
        """The keys of some scans, for the leak guard."""
        return PoolKeys.of(self.columns(*POOL_COLUMNS), list(scan_ids), self.fingerprint)

    def record_pool(self, scan_ids: Sequence[str] | NDArray[Any]) -> PoolKeys:
        """Write ``private/pools/<digest>.parquet``: the scans an encoder is pretrained on. It freezes the split."""
        keys = self.keys_of(scan_ids)
        keys.write(self.pools_dir)
        return keys

    @property
    def pools_dir(self) -> Path:
        """Where the lists of pools lie."""
        return self.private / "pools"

    def pools(self) -> list[Path]:
        """The lists of scans on which encoders were pretrained."""
        return sorted(self.pools_dir.glob("*.parquet"))

    def decide(self, decision: str, scope: str, keys: Sequence[str], *, reason: str, who: str = "") -> None:
        """Record a decision about scans, series, studies or patients; see ``decisions.add``.

        Raises:
            InputError: A key is not in the manifest.
        """
        column = decisions.SCOPES.get(scope)
        absent = set(keys) - set(self.columns(column)[column]) if column else set()
        if absent:
            raise InputError(f"There is no {scope} {sorted(absent)[0]} in the cohort '{self.name}'.")
        decisions.add(self.folder, decision, scope, keys, reason=reason, who=who)

    def path_of(self, path_key: str) -> Path:
        """The file of a path key; one inside an archive is unpacked into the private folder first.

        Raises:
            InputError: The key is unknown here, or the cohort's private folder is not at hand.
            OperationFailed: The file is no longer where it was indexed.
        """
        found = self._paths.get(path_key)
        if found is None:
            raise InputError(
                f"The path key {path_key} is unknown.", where=f"cohort {self.name}", todo="Index its files."
            )
        _, path, member = found
        if not member:
            if not Path(path).is_file():
                raise OperationFailed(
                    "A file of the cohort is no longer where it was indexed.",
                    where=f"path key {path_key}",
                    todo="Bring the files back, or run 'workbench index' again.",
                )
            return Path(path)
        unpacked = self.private / "unpacked"
        beside = {
            name: unpacked / f"{key}.dcm" for key, (_, other, name) in self._paths.items() if other == path and name
        }
        return archives.unpack(Path(path), beside, member)

    def private_paths(self) -> Iterator[tuple[str, str, str, str]]:
        """Path key, source, path, and name inside an archive of every file; for joins within this process only."""
        for path_key, (root, path, member) in self._paths.items():
            yield path_key, root, path, member

    def private_table(self, name: str) -> pd.DataFrame:
        """A table of the private folder.

        Raises:
            InputError: The private folder is not at hand, as with an exported cohort.
        """
        import pandas as pd

        file = self.private / f"{name}.parquet"
        if not file.is_file():
            raise InputError(
                f"The private part of the cohort '{self.name}' is not here.",
                where=self.folder,
                todo="Work where the cohort was indexed; its private folder is never exported.",
            )
        return pd.read_parquet(file)

    @cached_property
    def _paths(self) -> dict[str, tuple[str, str, str]]:
        table = self.private_table("paths")
        rows = table[["path_key", "root", "path", "member"]].itertuples(index=False, name=None)
        return {key: (os.fsdecode(root), os.fsdecode(path), member) for key, root, path, member in rows}

    def _test_rows(self) -> NDArray[np.bool_]:
        return self.columns("patient_key")["patient_key"].isin(Split.read(self.folder).test_patients).to_numpy(bool)

    def _labelled(self, labels: Labels) -> NDArray[np.bool_]:
        return self.columns("scan_id")["scan_id"].isin(set(labels.scan_ids)).to_numpy(bool)

    def _chosen(self, rows: NDArray[np.bool_]) -> Ids:
        chosen = self.columns("scan_id", "pixel_hash")[rows]
        # A scan without a hash may be any picture: each counts by itself.
        again = chosen["pixel_hash"].notna() & chosen.duplicated("pixel_hash")
        return chosen.loc[~again, "scan_id"].to_numpy(dtype=object)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _groups_of(table: pd.DataFrame) -> dict[str, str]:
    patients = sorted(set(table["patient_key"]))
    numbers = {key: number for number, key in enumerate(patients)}
    pictures: dict[str, int] = {}
    plain = table[~(";" + table["flags"] + ";").str.contains(";blank;", regex=False)]
    links = [
        (numbers[patient], pictures.setdefault(digest, len(pictures)))
        for patient, digest in zip(plain["patient_key"], plain["pixel_hash"], strict=True)
        if digest == digest and digest is not None
    ]
    return dict(zip(patients, connect(patients, links, len(pictures)), strict=True))


def _cell(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value != value:
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value
