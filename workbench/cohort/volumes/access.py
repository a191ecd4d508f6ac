"""The volumes of a cohort on disk: their tables, and the files of one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cohort.columns import STACKS, VOLUMES, Column
from workbench.cohort.volumes.statuses import Status
from workbench.cohort.volumes.volume import SliceFile, Volume, VolumeFiles, read_volume
from workbench.errors import InputError, OperationFailed, WorkbenchError

if TYPE_CHECKING:
    import pandas as pd

    from workbench.cohort.cohort import Cohort

AGAIN = "Run 'workbench index' again."
BATCH = 4096


def table(folder: Path, name: str) -> pd.DataFrame:
    """``volumes`` or ``stacks`` of the cohort in ``folder``; without rows where it was made without files.

    Raises:
        OperationFailed: It cannot be read.
    """
    import pandas as pd

    file = folder / f"{name}.parquet"
    if not file.is_file():
        columns: dict[str, tuple[Column, ...]] = {"volumes": VOLUMES, "stacks": STACKS}
        return pd.DataFrame(columns=[column.name for column in columns[name]])
    try:
        return pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise OperationFailed(f"The cohort's table of {name} cannot be read.", where=folder, todo=AGAIN) from error


def scans(volumes: pd.DataFrame, stacks: pd.DataFrame, *, tilted: bool = False, uneven: bool = False) -> pd.DataFrame:
    """The volumes, and the stacks that are to be made into volumes, with the columns of ``columns.VOLUMES``.

    Args:
        volumes: The table of volumes.
        stacks: The table of stacks.
        tilted: Take stacks of a tilted gantry, which are then straightened.
        uneven: Take stacks with missing slices or changing spacing whole, in place of their even runs.
    """
    import pandas as pd

    wanted = ([Status.TILTED] if tilted else []) + ([Status.MISSING, Status.PIECEWISE] if uneven else [])
    chosen = stacks[stacks["status"].isin([status.value for status in wanted])]
    chosen = chosen.assign(scan_id=chosen["stack_id"])[list(volumes.columns)]
    kept = volumes[~volumes["stack_id"].isin(set(chosen["stack_id"]))]
    return pd.concat([kept, chosen], ignore_index=True) if len(chosen) else kept


def files_of(cohort: Cohort, key: str) -> VolumeFiles:
    """The files of a volume, or of a stack that is to be made even.

    Args:
        cohort: The cohort.
        key: The volume's ``scan_id``, or a stack's ``stack_id``.

    Raises:
        InputError: There is no such volume or stack, or the cohort's private folder is not at hand.
        OperationFailed: A file is no longer where it was indexed, or a table cannot be read.
    """
    found = cohort.volumes[cohort.volumes["scan_id"] == key]
    whole_stack = found.empty
    if whole_stack:
        found = cohort.stacks[cohort.stacks["stack_id"] == key]
    if found.empty:
        raise InputError(
            f"There is no volume {key} in the cohort '{cohort.name}'.", todo="Take a scan_id of volumes.parquet."
        )
    row = found.iloc[0].to_dict()
    if row["affine_lps"] is None:
        raise InputError(f"The stack {key} has no geometry: {row['sentence']}", where=f"cohort {cohort.name}")
    members = [slices for _, slices in _slices(cohort, {key})]
    return _files(cohort, key, row, members[0] if members else [], whole_stack=whole_stack)


def files_of_all(cohort: Cohort, keys: Collection[str]) -> Iterator[tuple[str, VolumeFiles | WorkbenchError]]:
    """The files of many volumes or stacks, or why they are out of reach; one in memory at a time.

    Args:
        cohort: The cohort.
        keys: ``scan_id`` of volumes, ``stack_id`` of stacks.

    Raises:
        InputError: The cohort's private folder is not at hand.
        OperationFailed: A table cannot be read.
    """
    next(cohort.private_paths(), None)  # says what is missing, if it is
    wanted = set(keys)
    volumes = cohort.volumes[cohort.volumes["scan_id"].isin(wanted)].set_index("scan_id")
    stacks = cohort.stacks[cohort.stacks["stack_id"].isin(wanted)].set_index("stack_id")
    rows = {**volumes.to_dict("index"), **stacks.to_dict("index")}
    whole = set(stacks.index)
    for key, slices in _slices(cohort, wanted):
        try:
            yield key, _files(cohort, key, rows[key], slices, whole_stack=key in whole)
        except WorkbenchError as error:
            yield key, error


def _files(
    cohort: Cohort, key: str, row: Mapping[Any, Any], slices: list[dict[str, Any]], *, whole_stack: bool
) -> VolumeFiles:
    return VolumeFiles(
        scan_id=key,
        slices=tuple(
            SliceFile(str(cohort.path_of(item["path_key"])), item["frame"], item["pixel_hash"] or "") for item in slices
        ),
        affine_lps=tuple(float(number) for number in row["affine_lps"]),
        rescaled=bool(row["rescaled"]),
        offsets_mm=tuple(item["offset_mm"] for item in slices) if whole_stack else (),
    )


def read(cohort: Cohort, key: str) -> Volume:
    """A volume, decoded.

    Raises:
        InputError: As ``files_of``.
        OperationFailed: As ``files_of``, or a slice cannot be decoded or has changed.
    """
    from workbench.cohort.volumes.volume import SliceChanged
    from workbench.dicom import FileRefused

    files = files_of(cohort, key)
    try:
        return read_volume(files)
    except SliceChanged as error:
        raise OperationFailed("A slice differs from the one that was indexed.", where=key, todo=AGAIN) from error
    except FileRefused as error:
        raise OperationFailed(
            f"A slice of the volume cannot be decoded: {error.code.value}.", where=key, todo=AGAIN
        ) from error


def _slices(cohort: Cohort, wanted: set[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Key and slices of each wanted volume or stack, in order; slices of one lie together in the table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    key, slices = "", []
    try:
        with pq.ParquetFile(cohort.folder / "slices.parquet") as file:
            for batch in file.iter_batches(BATCH, use_threads=False):
                for item in batch.to_pylist():
                    owner = item["volume_id"] if item["volume_id"] in wanted else item["stack_id"]
                    if item["repeat"] or owner not in wanted:
                        continue
                    if owner != key and slices:
                        yield key, slices
                        slices = []
                    key = owner
                    slices.append(item)
    except (OSError, pa.ArrowException) as error:
        raise OperationFailed(
            "The cohort's table of slices cannot be read.", where=cohort.folder, todo=AGAIN
        ) from error
    if slices:
        yield key, slices
