"""Rule Q3: pictures of two patients that are nearly the same: re-encoded, cropped, windowed or rescaled copies.

Candidates are pairs whose perceptual hashes differ in few bits, and, where features are given, pairs whose features
point the same way. Alone, neither is proof: two chests look alike. Pairs are therefore compared pixel by pixel, as the
correlation of what is left of each when the cohort's mean picture is taken out, over small shifts.

On 5,856 chest radiographs, 209 pairs of different patients differed in at most 4 bits and correlated by at most 0.79;
re-encoded, rescaled, windowed and slightly cropped copies correlated by at least 0.90.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.cohort.quality.evidence import COMPARED, Evidence, Features
from workbench.cohort.quality.finding import Finding, number_of

if TYPE_CHECKING:
    import pandas as pd

BITS = 6
FEWER_BITS = 4
COSINE = 0.99
NEIGHBOURS = 5
LIKENESS = 0.88
MOST_PAIRS = 20_000
MOST_COMPARISONS = 1_000_000_000
SLICES = ("CT", "MR", "PT", "NM")
"""Slices of one place look alike in all patients: copies among them show as identical pixels or not at all."""
SIDE = 64
SHIFT = 2
BLOCK = 4096
MATRIX = 2_000_000

Pairs = NDArray[np.int64]


def near_duplicates(evidence: Evidence) -> Iterator[Finding]:
    """Q3: pairs that were compared and found alike, and how many are still to be compared."""
    scans = evidence.scans
    compared = evidence.compared
    known: set[tuple[str, str]] = set()
    if compared is not None and len(compared):
        patient = scans.set_index("scan_id")["patient_key"]
        there = compared[compared["first"].isin(patient.index) & compared["second"].isin(patient.index)]
        known = set(zip(there["first"], there["second"], strict=True))
        alike = there[there["likeness"] >= LIKENESS].sort_values("likeness", ascending=False)
        if len(alike):
            split = [
                (patient[first] in evidence.test_patients) != (patient[second] in evidence.test_patients)
                for first, second in zip(alike["first"], alike["second"], strict=True)
            ]
            across = sum(split)
            more = (
                f" {number_of(across, 'pair', 'lies', 'lie')} across the border of test and development."
                if across
                else ""
            )
            yield Finding(
                "Q3",
                "near_duplicates",
                "warn",
                "Nearly the same picture under two patients",
                f"{number_of(len(alike), 'pair')} of pictures of different patients are nearly the same, though not "
                f"identical: re-encoded, cropped or rescaled copies.{more}",
                len(alike),
                default="These patients stay in one group, on one side of every split."
                if _tied(evidence, alike)
                else "Index the cohort again: these patients then come into one group, on one side of every split.",
                choices=("keep", "exclude"),
                scans=[scan for pair in zip(alike["first"], alike["second"], strict=True) for scan in pair],
                details=[
                    f"pair {number}, likeness {value:.2f}"
                    for number, value in enumerate(alike["likeness"], 1)
                    for _ in range(2)
                ],
            )
    pairs = candidates(evidence)
    if pairs is None:
        yield Finding(
            "Q3",
            "near_duplicates_not_searched",
            "note",
            "Near-duplicates not searched",
            "There are too many like pictures to search for near-duplicates by their coarse structure.",
            len(scans),
            default="Give features: workbench decide NAME check features=FILE.",
        )
        return
    waiting = len(pairs) - len(known & set(named(evidence, pairs)))
    if waiting > 0:
        yield Finding(
            "Q3",
            "like_pairs",
            "note",
            "Pairs to compare",
            f"{number_of(waiting, 'pair')} of pictures of different patients look alike at first sight and were not "
            "yet compared pixel by pixel. 'workbench decide NAME check' does that.",
            waiting,
        )


def _tied(evidence: Evidence, alike: pd.DataFrame) -> bool:
    """Whether the patients of each pair are in one group already."""
    group = evidence.scans.set_index("scan_id")["group"]
    return bool((group.reindex(alike["first"]).to_numpy() == group.reindex(alike["second"]).to_numpy()).all())


def found_alike(private: Path) -> list[tuple[str, str]]:
    """Pairs of scans that were compared and found nearly the same.

    Args:
        private: The cohort's private folder.
    """
    import pyarrow.parquet as pq

    file = private / COMPARED
    if not file.is_file():
        return []
    rows = pq.read_table(file, filters=[("likeness", ">=", LIKENESS)]).to_pylist()
    return [(row["first"], row["second"]) for row in rows]


def candidates(evidence: Evidence, features: Features | None = None) -> Pairs | None:
    """Pairs of rows ``(N, 2)`` that may be near-duplicates; None where there are too many to search.

    Of identical pictures the first stands for all; pairs of one patient do not matter.

    Args:
        evidence: The cohort.
        features: Features of its scans, which add pairs that differ in their coarse structure.
    """
    import pandas as pd

    scans = evidence.scans
    usable = evidence.shown & ~evidence.of_modality(*SLICES) & scans["perceptual_hash"].notna().to_numpy(bool)
    usable &= ~scans["pixel_hash"].duplicated().to_numpy(bool)
    rows = np.flatnonzero(usable)
    if len(rows) < 2:
        return np.zeros((0, 2), np.int64)
    hashes = _as_numbers(scans["perceptual_hash"], rows)
    patients = pd.factorize(scans["patient_key"])[0][rows]
    for bits in (BITS, FEWER_BITS):
        pairs = close_pairs(hashes, patients, bits)
        if pairs is not None and len(pairs) <= MOST_PAIRS:
            break
    else:
        pairs = None
    if features is not None:
        near = _neighbours(evidence, features, rows, patients)
        pairs = near if pairs is None else np.unique(np.concatenate([pairs, near]), axis=0)
    return None if pairs is None else rows[pairs]


def close_pairs(hashes: NDArray[np.uint64], patients: NDArray, bits: int) -> Pairs | None:
    """Pairs of different patients whose hashes differ in at most ``bits`` bits; None where it would take too long.

    Two hashes that differ in at most ``bits`` bits agree in at least one of ``bits + 1`` blocks of bits.
    """
    edges = np.linspace(0, 64, bits + 2).round().astype(int)
    found: list[Pairs] = []
    work, total = 0, 0
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        block = (hashes >> np.uint64(low)) & np.uint64(2 ** int(high - low) - 1)
        order = np.argsort(block, kind="stable")
        sizes = np.bincount(block.astype(np.int64))
        work += int((sizes.astype(np.int64) ** 2).sum())
        if work > MOST_COMPARISONS:
            return None
        ends = np.cumsum(sizes)
        for start, end in zip((ends - sizes)[sizes > 1], ends[sizes > 1], strict=True):
            members = np.sort(order[start:end])
            step = max(1, MATRIX // len(members))
            for at in range(0, len(members), step):
                some = members[at : at + step]
                near = np.bitwise_count(hashes[some][:, None] ^ hashes[members][None, :]) <= bits
                first, second = np.nonzero(near)
                pairs = np.stack([some[first], members[second]], axis=1)
                pairs = pairs[(pairs[:, 0] < pairs[:, 1]) & (patients[pairs[:, 0]] != patients[pairs[:, 1]])]
                found.append(pairs)
                total += len(pairs)
            if total > (bits + 1) * MOST_PAIRS:
                return None
    return np.unique(np.concatenate(found), axis=0) if found else np.zeros((0, 2), np.int64)


def _as_numbers(texts: pd.Series, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Hexadecimal hashes as numbers, some thousands at a time."""
    parts = [
        np.frombuffer(bytes.fromhex("".join(texts.iloc[rows[start : start + BLOCK]])), ">u8").astype(np.uint64)
        for start in range(0, len(rows), BLOCK)
    ]
    return np.concatenate(parts)


def named(evidence: Evidence, pairs: Pairs) -> list[tuple[str, str]]:
    """The scan ids of pairs of rows, each pair in order."""
    ids = evidence.scans["scan_id"].to_numpy(object)
    return [(min(ids[a], ids[b]), max(ids[a], ids[b])) for a, b in pairs.tolist()]


def likeness(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """The largest correlation over shifts of up to two pixels of two residual pictures, ``(64, 64)`` each."""
    inner = second[SHIFT : SIDE - SHIFT, SHIFT : SIDE - SHIFT]
    return max(
        float((_standard(first[SHIFT + y : SIDE - SHIFT + y, SHIFT + x : SIDE - SHIFT + x]) * _standard(inner)).sum())
        for y in range(-SHIFT, SHIFT + 1)
        for x in range(-SHIFT, SHIFT + 1)
    )


def residual(picture: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is left of a picture when the share of the mean picture is taken out; both ``(64, 64)``."""
    plain = _standard(picture)
    weight = float((mean * mean).sum())
    return plain - (plain * mean).sum() / weight * mean if weight > 0 else plain


def mean_of(pictures: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The mean of pictures brought to mean 0 and length 1."""
    return np.mean([_standard(picture) for picture in pictures], axis=0)


def _standard(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    apart = picture - picture.mean()
    return apart / max(float(np.linalg.norm(apart)), 1e-12)


def _neighbours(evidence: Evidence, features: Features, rows: NDArray[np.int64], patients: NDArray) -> Pairs:
    """Pairs of different patients among each other's nearest features, with a cosine of at least 0.99."""
    place = {scan: number for number, scan in enumerate(features.scan_ids.tolist())}
    ids = evidence.scans["scan_id"].iloc[rows].tolist()
    mine = np.array([number for number, scan in enumerate(ids) if scan in place], np.int64)
    if len(mine) < 2:
        return np.zeros((0, 2), np.int64)
    vectors = features.vectors[[place[ids[number]] for number in mine]]
    found = []
    for start in range(0, len(mine), BLOCK):
        cosine = vectors[start : start + BLOCK] @ vectors.T
        cosine[patients[mine[start : start + BLOCK], None] == patients[mine][None, :]] = -1.0
        width = min(NEIGHBOURS, len(mine) - 1)
        best = np.argpartition(-cosine, width - 1, axis=1)[:, :width]
        near = np.take_along_axis(cosine, best, axis=1) >= COSINE
        first, column = np.nonzero(near)
        found.append(np.stack([mine[start + first], mine[best[first, column]]], axis=1))
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)
