"""The volumes of a cohort on disk: their tables, and the files of one of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cohort.columns import STACKS, VOLUMES, Column
from workbench.cohort.volumes.statuses import Status
from workbench.cohort.volumes.volume import SliceFile, Volume, VolumeFiles, read_volume
from workbench.errors import InputError, OperationFailed

if TYPE_CHECKING:
    import pandas as pd

    from workbench.cohort.cohort import Cohort

AGAIN = "Run 'workbench index' again."


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
    row = found.iloc[0]
    if row["affine_lps"] is None:
        raise InputError(f"The stack {key} has no geometry: {row['sentence']}", where=f"cohort {cohort.name}")
    slices = _slices(cohort, "stack_id" if whole_stack else "volume_id", key)
    return VolumeFiles(
        scan_id=key,
        slices=tuple(
            SliceFile(str(cohort.path_of(path)), int(frame), pixels if isinstance(pixels, str) else "")
            for path, frame, pixels in slices[["path_key", "frame", "pixel_hash"]].itertuples(index=False, name=None)
        ),
        affine_lps=tuple(float(number) for number in row["affine_lps"]),
        rescaled=bool(row.get("rescaled", False)),
        offsets_mm=tuple(slices["offset_mm"].tolist()) if whole_stack else (),
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


def _slices(cohort: Cohort, column: str, key: str) -> Any:
    import pandas as pd

    try:
        found = pd.read_parquet(cohort.folder / "slices.parquet", filters=[(column, "==", key)])
    except (OSError, ValueError) as error:
        raise OperationFailed(
            "The cohort's table of slices cannot be read.", where=cohort.folder, todo=AGAIN
        ) from error
    return found[~found["repeat"].astype(bool)].sort_values("place")
