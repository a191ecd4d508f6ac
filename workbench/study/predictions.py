"""The table of a study's predictions: one row per cell, test scan and class."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.study.data import StudyData

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.study.grid import CellResult

ROWS_AT_ONCE = 500_000


def write_predictions(file: Path, data: StudyData, cells: Iterable[CellResult]) -> Path:
    """Write ``arm, protocol, budget, draw, scan_id, patient_key, label, class, probability``, a cell after the other.

    Scan, patient and class are dictionaries, which pandas reads as categories. No more than half a million rows are
    held at once.

    Args:
        file: ``.parquet``, replaced.
        data: The test scans.
        cells: What to write.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    classes = len(data.classes)
    truth: Any = data.test_targets
    if truth.ndim == 1:
        label = pa.array(np.repeat(np.asarray(data.classes)[truth], classes).tolist(), pa.string())
    else:
        label = pa.array(truth.ravel())
    of_scans = {
        "scan_id": _dictionary(np.repeat(data.test_ids.astype(str), classes)),
        "patient_key": _dictionary(np.repeat(data.test_keys.astype(str), classes)),
        "label": label,
        "class": _dictionary(np.tile(np.asarray(data.classes, dtype=str), len(data.test_ids))),
    }
    partial = file.with_name(f".{file.name}.part")
    writer, waiting = None, []
    try:
        for cell in cells:
            rows = cell.probabilities.size
            words = {name: pa.repeat(pa.scalar(getattr(cell, name)), rows) for name in ("arm", "protocol", "budget")}
            table = pa.table(
                {
                    **words,
                    "draw": pa.repeat(pa.scalar(cell.draw, pa.int64()), rows),
                    **of_scans,
                    "probability": pa.array(cell.probabilities.ravel()),
                }
            )
            writer = writer or pq.ParquetWriter(partial, table.schema)
            waiting.append(table)
            if len(waiting) * rows >= ROWS_AT_ONCE:
                writer.write_table(pa.concat_tables(waiting))
                waiting = []
        if writer and waiting:
            writer.write_table(pa.concat_tables(waiting))
    finally:
        if writer:
            writer.close()
    if writer:
        partial.replace(file)
    return file


def _dictionary(words: NDArray[Any]) -> pa.DictionaryArray:
    import pyarrow as pa

    known, places = np.unique(words, return_inverse=True)
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int32)), pa.array(known.tolist(), pa.string()))
