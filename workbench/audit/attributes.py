"""What test cases are grouped by: header fields of the manifest, and further columns of the label file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.cohort import Cohort
from workbench.cohort.label_table import as_number
from workbench.cohort.labels import Labels
from workbench.errors import InputError
from workbench.evaluation.units import Units

if TYPE_CHECKING:
    import pandas as pd

MISSING, SEVERAL, OTHER = "not recorded", "several", "other values"
HEADER = {
    "sex": "sex",
    "age": "age_years",
    "manufacturer": "manufacturer",
    "scanner": "scanner",
    "site": "site",
    "view": "view_position",
}
FURTHER = {"laterality": "laterality", "body_part": "body_part", "model": "model", "modality": "modality"}
AGE_EDGES = (18, 40, 60, 80)
MOST_GROUPS = 12
MOST_WORDS = 10
"""Numbers of a label column with more different values than this are cut into thirds."""
CROSS, BOTH = " x ", "*"
"""Between the groups of a combination, and between its attributes."""


@dataclass(frozen=True)
class Attribute:
    """One way to group test cases.

    Attributes:
        name: As settings name it.
        source: ``header``, ``label file`` or ``combination``.
        values: ``(U,)`` str: the group of each test case.
        order: Groups in the order in which they are shown, those that are no group of people last.
    """

    name: str
    source: str
    values: NDArray[Any]
    order: tuple[str, ...]

    def groups(self) -> list[str]:
        """Groups that occur."""
        present = set(self.values.tolist())
        return [name for name in self.order if name in present]

    @staticmethod
    def comparable(name: str) -> bool:
        """Whether a group is one of people: not what is unrecorded or mixed."""
        return not any(part in (MISSING, SEVERAL, OTHER) for part in name.split(CROSS))

    def comparable_rows(self) -> NDArray[np.bool_]:
        """``(U,)`` bool: cases of such groups."""
        good = {name for name in self.order if self.comparable(name)}
        return np.array([value in good for value in self.values])


@dataclass(frozen=True)
class AttributeTable:
    """The groups of every scan of a cohort.

    Attributes:
        table: Index ``scan_id``; one column per attribute, text.
        sources: Of each attribute.
        orders: Groups of each attribute in the order in which they are shown.
        skipped: Attribute to why it cannot be audited.
    """

    table: pd.DataFrame
    sources: dict[str, str]
    orders: dict[str, tuple[str, ...]]
    skipped: dict[str, str] = field(default_factory=dict)

    def of_scans(self, name: str, scan_ids: NDArray[Any]) -> NDArray[Any]:
        """The group of each scan, ``(N,)`` str."""
        return self.table[name].reindex(scan_ids).fillna(MISSING).to_numpy(dtype=object).astype(str)

    def of_units(self, name: str, scan_ids: NDArray[Any], units: Units) -> NDArray[Any]:
        """The group of each unit, ``(U,)`` str; ``several`` where its scans differ."""
        values = self.of_scans(name, scan_ids)
        names, codes = np.unique(values, return_inverse=True)
        low, high = np.full(len(units.keys), len(names)), np.full(len(units.keys), -1)
        np.minimum.at(low, units.member, codes)
        np.maximum.at(high, units.member, codes)
        return np.where(low == high, names[low], SEVERAL).astype(str)

    def attribute(self, name: str, scan_ids: NDArray[Any], units: Units) -> Attribute:
        """An attribute of test cases."""
        values = self.of_units(name, scan_ids, units)
        last = (OTHER, SEVERAL, MISSING)
        order = [*(group for group in self.orders[name] if group not in last), *last]
        return Attribute(name, self.sources[name], values, tuple(order))


def attribute_table(
    cohort: Cohort,
    labels: Labels,
    development: NDArray[Any],
    test: NDArray[Any],
    *,
    wanted: Sequence[str] = (),
    cross: Sequence[str] = (),
) -> AttributeTable:
    """Group all scans of a cohort.

    Ages fall into bands (under 18, 18 to 39, 40 to 59, 60 to 79, 80 and over), or thirds where one band holds all.
    Numbers of a label column with over ten values fall into thirds of the development set. Of an attribute with over
    twelve values the rarest in the test set are pooled.

    Args:
        cohort, labels: Where facts come from.
        development, test: Scan ids.
        wanted: Names of attributes; empty for sex, age, manufacturer, scanner, site, view and all label columns.
        cross: Pairs to combine, such as ``sex*age``.

    Raises:
        InputError: An attribute is unknown.
    """
    import pandas as pd

    manifest = cohort.manifest.set_index("scan_id")
    extra = labels.attributes.set_index("scan_id").reindex(manifest.index)
    raw: dict[str, tuple[str, pd.Series[Any]]] = {}
    for name, column in {**HEADER, **FURTHER}.items():
        if column in manifest:
            raw[name] = ("header", manifest[column])
    for column in extra.columns:
        taken = column in raw and bool(raw[column][1].notna().any())
        raw[f"{column} (label file)" if taken else str(column)] = ("label file", extra[column])
    names = list(wanted) or [n for n, (source, _) in raw.items() if source == "label file" or n in HEADER]
    unknown = [name for name in [*names, *(part for pair in cross for part in _parts(pair))] if name not in raw]
    if unknown:
        raise InputError(f"There is no attribute '{unknown[0]}'.", where="attributes", todo=f"Known: {', '.join(raw)}.")
    made = AttributeTable(pd.DataFrame(index=manifest.index), {}, {}, {})
    for name in dict.fromkeys([*names, *(part for pair in cross for part in _parts(pair))]):
        source, column = raw[name]
        values, order = _grouped(name, column, development, test)
        made.table[name], made.sources[name], made.orders[name] = values, source, order
    for pair in cross:
        parts = _parts(pair)
        name = BOTH.join(parts)
        rows = made.table[parts].itertuples(index=False, name=None)
        joined = [CROSS.join(map(str, row)) for row in rows]
        made.table[name], made.sources[name] = joined, "combination"
        made.orders[name] = tuple(sorted(set(joined)))
    _leave_out(made, [*names, *(BOTH.join(_parts(pair)) for pair in cross)], test)
    return made


def _parts(pair: str) -> list[str]:
    parts = [part.strip() for part in pair.split(BOTH) if part.strip()]
    if len(parts) < 2:
        raise InputError(f"'{pair}' combines nothing.", where="cross", todo="Write for example sex*age.")
    return parts


def _leave_out(made: AttributeTable, names: list[str], test: NDArray[Any]) -> None:
    """Drop what was used for combinations only, what has one group in the test set, and what repeats another."""
    seen: dict[tuple[int, ...], str] = {}
    for name in list(made.table.columns):
        values = made.of_scans(name, test)
        good = [Attribute.comparable(value) for value in values]
        groups = set(values[good])
        _, partition = np.unique(values, return_inverse=True)
        _, first = np.unique(partition, return_index=True)
        rank = {int(partition[place]): number for number, place in enumerate(np.sort(first))}
        key = tuple(rank[int(code)] for code in partition)
        reason = ""
        if not any(good):
            reason = "not recorded in these scans"
        elif len(groups) < 2:
            reason = f"the same for all test scans ({next(iter(groups))})"
        elif key in seen:
            reason = f"the same groups as {seen[key]}"
        if reason or name not in names:
            made.table.drop(columns=name, inplace=True)
            if name in names:
                made.skipped[name] = reason
        else:
            seen[key] = name


def _grouped(
    name: str, column: pd.Series[Any], development: NDArray[Any], test: NDArray[Any]
) -> tuple[pd.Series[Any], tuple[str, ...]]:
    import pandas as pd

    if name == "age":
        numbers = pd.to_numeric(column, errors="coerce")
        banded, order = _bands(numbers, list(AGE_EDGES), "years")
        if len(set(banded[banded.index.isin(test)]) - {MISSING}) > 1:
            return banded, order
        return _thirds(numbers, development, "years")
    text = column.where(column.notna(), "").astype(str).str.strip()
    filled = text[text != ""]
    numbers = filled.map(as_number)
    if len(filled) and numbers.notna().all() and filled.nunique() > MOST_WORDS:
        return _thirds(numbers.astype(float).reindex(column.index), development, "")
    text = text.where(text != "", MISSING)
    counts = text.reindex(test).value_counts().drop(MISSING, errors="ignore")
    if len(counts) > MOST_GROUPS:
        kept = set(counts.index[: MOST_GROUPS - 1])
        text = text.where(text.isin(kept) | (text == MISSING), OTHER)
    return text, tuple(sorted(set(text)))


def _thirds(numbers: pd.Series[Any], development: NDArray[Any], unit: str) -> tuple[pd.Series[Any], tuple[str, ...]]:
    known = numbers.reindex(development).dropna()
    edges = sorted(set(np.quantile(known, [1 / 3, 2 / 3]).tolist())) if len(known) else []
    return _bands(numbers, [edge for edge in edges if edge > known.min()], unit)


def _bands(numbers: pd.Series[Any], edges: list[float], unit: str) -> tuple[pd.Series[Any], tuple[str, ...]]:
    """Groups below, between and from the edges on."""
    import pandas as pd

    tail = f" {unit}" if unit else ""
    shown = [f"{edge:g}" for edge in edges]
    if not edges:
        names = ["all"]
    else:
        between = [f"{low} to under {high}{tail}" for low, high in zip(shown, shown[1:], strict=False)]
        names = [f"under {shown[0]}{tail}", *between, f"{shown[-1]}{tail} and over"]
    place = np.searchsorted(np.asarray(edges), numbers.to_numpy(dtype=float), side="right")
    values = np.asarray(names, dtype=object)[np.minimum(place, len(names) - 1)]
    values = np.where(numbers.isna().to_numpy(), MISSING, values)
    return pd.Series(values, index=numbers.index, dtype=object), (*names, MISSING)
