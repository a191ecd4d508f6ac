"""The leak guard: do a pool and a test set, or any two sets of scans, share a patient or a picture?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.config import digest_of
from workbench.errors import OperationFailed

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("scan_id", "patient_key", "group", "pixel_hash")
FINGERPRINT = b"site_key_fingerprint"


@dataclass(frozen=True, eq=False)
class PoolKeys:
    """A set of scans by the keys that could give it away.

    Attributes:
        table: One row per scan: ``scan_id, patient_key, group, pixel_hash``, sorted by ``scan_id``.
        fingerprint: Fingerprint of the site key under which the keys were made.
    """

    table: pd.DataFrame
    fingerprint: str

    @classmethod
    def of(cls, manifest: pd.DataFrame, scan_ids: Sequence[str], fingerprint: str) -> PoolKeys:
        """The keys of some scans of a manifest."""
        table = manifest.loc[manifest["scan_id"].isin(set(scan_ids)), list(COLUMNS)]
        return cls(table.sort_values("scan_id", ignore_index=True), fingerprint)

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits of the scans."""
        return digest_of(self.table["scan_id"].tolist())

    @property
    def groups_digest(self) -> str:
        """Sixteen hexadecimal digits of the patients."""
        return digest_of(sorted(set(self.table["patient_key"])))

    def write(self, folder: Path) -> Path:
        """Write ``<digest>.parquet`` into ``folder`` (the cohort's ``private/pools``) and return the file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = folder / f"{self.digest}.parquet"
        table = pa.Table.from_pandas(self.table, preserve_index=False)
        temporary = file.with_name(f".{file.name}.part")
        pq.write_table(table.replace_schema_metadata({FINGERPRINT: self.fingerprint.encode()}), temporary)
        temporary.replace(file)
        return file

    @classmethod
    def read(cls, file: Path) -> PoolKeys:
        """Read what ``write`` wrote.

        Raises:
            OperationFailed: The file is absent or damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(file)
        except (OSError, pa.ArrowException) as error:
            raise OperationFailed(
                "The list of the pool's patients cannot be read.",
                where=file,
                todo="Bring it back from a backup: without it nobody knows whether the encoder saw the test patients.",
            ) from error
        metadata = table.schema.metadata or {}
        return cls(table.to_pandas(), metadata.get(FINGERPRINT, b"").decode())


@dataclass(frozen=True)
class Overlap:
    """What two sets of scans share.

    Attributes:
        state: ``none``, ``found``, or ``unknown`` where the keys were made under different site keys.
        patients: Keys of the shared patients, sorted.
        pictures: Hashes of the shared pictures, sorted; known even where patients cannot be compared.
    """

    state: str
    patients: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing is shared, and that is known."""
        return self.state == "none"

    @property
    def sentence(self) -> str:
        """The finding for people."""
        if self.state == "none":
            return "No patient and no identical picture is shared."
        if self.state == "found":
            return f"{len(self.patients):,} patients and {len(self.pictures):,} identical pictures are shared."
        return "Unknown: the two were indexed under different site keys, so their patients cannot be compared."


def overlap(pool_keys: PoolKeys, test_keys: PoolKeys) -> Overlap:
    """Whether two sets of scans share a patient, a group or a picture.

    Args:
        pool_keys: For instance an encoder's pool.
        test_keys: For instance a study's test set.
    """
    pictures = _shared(pool_keys, test_keys, "pixel_hash")
    if not pool_keys.fingerprint or pool_keys.fingerprint != test_keys.fingerprint:
        return Overlap("found" if pictures else "unknown", (), pictures)
    patients = set(_shared(pool_keys, test_keys, "patient_key"))
    groups = set(_shared(pool_keys, test_keys, "group"))
    if groups:
        table = test_keys.table
        patients.update(table.loc[table["group"].isin(groups), "patient_key"])
    state = "found" if patients or pictures else "none"
    return Overlap(state, tuple(sorted(patients)), pictures)


def _shared(first: PoolKeys, second: PoolKeys, column: str) -> tuple[str, ...]:
    return tuple(sorted(set(first.table[column].dropna()) & set(second.table[column].dropna())))
