"""Indexing: walk the sources, read what is new, settle every file's outcome, write the cohort's files."""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from workbench.cohort import accounting, decisions, dicomdir, intake, manifest
from workbench.cohort.cohort import Cohort
from workbench.cohort.discovery import FoundFile, Skipped, resolve_sources, walk
from workbench.cohort.keys import SiteKey
from workbench.cohort.ledger import Ledger
from workbench.cohort.pending import PendingFiles
from workbench.cohort.pixel_hashes import VERSION as HASHES_VERSION
from workbench.cohort.quality import hounsfield, measures, near_duplicates, report
from workbench.cohort.reading import SLOW_S, Sink
from workbench.cohort.split import FILE as SPLIT_FILE
from workbench.cohort.split import Split, SplitRule
from workbench.cohort.volumes import findings, slice_table, tables
from workbench.errors import InputError, OperationFailed
from workbench.runs.engine import map_tasks
from workbench.runs.memory import return_memory
from workbench.runs.progress import Progress

PRODUCTS = (
    *("manifest.parquet", "volumes.parquet", "stacks.parquet", "slices.parquet", "refused.csv", "intake.json"),
    *("intake.html", "cohort.yaml", "private/paths.parquet"),
)


class OutcomeWords(Protocol):
    """What the index needs to know about outcome codes."""

    def is_used(self, code: str) -> bool:
        """Whether a file with this code gave scans."""
        ...

    def sentence(self, code: str) -> str:
        """The plain sentence for people."""
        ...


@dataclass
class Indexed:
    """What an index did.

    Attributes:
        numbers: As ``intake.gather``.
        read: Files read in this run.
        unchanged: Whether nothing had changed since the last run.
    """

    numbers: dict[str, Any]
    read: int = 0
    unchanged: bool = False


def index_sources(
    sources: list[Path],
    folder: Path,
    *,
    words: OutcomeWords,
    progress: Progress,
    site: str = "",
    test_share: float | None = None,
    split_seed: int | None = None,
    engine: str = "local",
    workers: int = 0,
    slow_s: float = SLOW_S,
    sink: Sink | None = None,
) -> Indexed:
    """Index sources into a cohort's folder; new sources and new files are added to what is there.

    Args:
        sources: Folders, single files, zip or tar archives, DICOMDIR files.
        folder: The cohort's folder, made if absent.
        words: Which codes count as used, and their sentences.
        progress: Is told how far the index is.
        site: A name for the site of these sources, or empty.
        test_share, split_seed: The split's rule for a new cohort (0.25 and 0 when None); must fit an existing one.
        engine, workers: Where files are read; see ``engine.map_tasks``.
        slow_s: Seconds after which a file is given up.
        sink: Takes the usable frames as they are decoded, so that a store need not decode them again.

    Raises:
        InputError: A source is absent, the folder belongs to another site key, or the split's rule differs.
        OperationFailed: Another index works on the folder.
    """
    roots = resolve_sources(sources)
    if any(root == folder.resolve() or folder.resolve() in root.parents for root in roots):
        raise InputError("A cohort's own folder cannot be its source.", where=folder)
    key = SiteKey.load()
    private = folder / "private"
    fresh = not folder.exists()
    private.mkdir(parents=True, exist_ok=True, mode=0o700)
    private.chmod(0o700)
    with _locked(private / "index.lock", folder.name):
        split = _split_so_far(folder, key, test_share, split_seed)
        with _ledger(private / "ledger.sqlite") as ledger:
            _check_key(ledger, key)
            _check_hashes(ledger, progress)
            skipped = Skipped()
            found = _take_stock(ledger, roots, site, skipped, progress)
            if not found and fresh:
                raise InputError(
                    "The sources hold no files.", where=", ".join(map(str, sources)), todo="Check the path."
                )
            pending = PendingFiles(ledger, key, progress, engine=engine, workers=workers, slow_s=slow_s, sink=sink)
            read = pending.read(_generation(ledger))
            if not ledger.fact("dirty") and all((folder / name).exists() for name in PRODUCTS):
                return Indexed(json.loads((folder / "intake.json").read_text("utf-8")), unchanged=True)
            numbers = _finish(ledger, folder, key, split, words, skipped)
            ledger.remember("generation", _generation(ledger) + 1)
            ledger.remember("dirty", "")
            return Indexed(numbers, read)


def _split_so_far(folder: Path, key: SiteKey, share: float | None, seed: int | None) -> Split:
    if not (folder / SPLIT_FILE).exists():
        return Split(SplitRule("hash", 0.25 if share is None else share, seed or 0), key.fingerprint)
    split = Split.read(folder)
    if split.fingerprint != key.fingerprint:
        raise _other_key(split.fingerprint, key)
    for name, given, there in (("test_share", share, split.rule.test_share), ("split_seed", seed, split.rule.seed)):
        if given is not None and given != there:
            raise InputError(
                f"The cohort '{folder.name}' was split with {name}={there:g}; indexing does not change that.",
                todo=f"Leave {name} out, or change the split with 'workbench split {folder.name}'.",
            )
    return split


def _check_key(ledger: Ledger, key: SiteKey) -> None:
    known = ledger.fact("fingerprint")
    if known and known != key.fingerprint:
        raise _other_key(known, key)
    ledger.remember("fingerprint", key.fingerprint)


def _check_hashes(ledger: Ledger, progress: Progress) -> None:
    """Hashes of two versions in one cohort would hide that pictures are the same, and measures would not compare."""
    version = f"{HASHES_VERSION}.{measures.VERSION}.{slice_table.VERSION}"
    if ledger.fact("hashes") != version:
        again = ledger.read_pictures_again()
        ledger.remember("hashes", version)
        if again:
            progress.log(f"{again:,} files are read again: pictures were looked at in another way when they were read.")


def _other_key(known: str, key: SiteKey) -> InputError:
    return InputError(
        f"The cohort was made under the site key {known}; the one in use is {key.fingerprint}.",
        where=SiteKey.file(),
        todo="Bring back the right key file, or give the cohort another name.",
    )


@contextmanager
def _locked(file: Path, cohort: str) -> Iterator[None]:
    with file.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OperationFailed(
                f"Another process is indexing the cohort '{cohort}'.", todo="Wait until it has finished."
            ) from error
        yield


@contextmanager
def _ledger(file: Path) -> Iterator[Ledger]:
    """The ledger, closed in the end; trouble with its file or with a full disk said in words."""
    ledger = None
    try:
        ledger = Ledger(file)
        yield ledger
    except sqlite3.OperationalError as error:
        raise OperationFailed(
            f"The index cannot be written ({error}).",
            where=file.parent,
            todo="Free some space, or make the folder writable, and run the same command again: what was read is kept.",
        ) from error
    except sqlite3.DatabaseError as error:
        raise OperationFailed(
            "The index's ledger is damaged.",
            where=file,
            todo="Remove this file and run the same command again; the split and the labels stay as they are.",
        ) from error
    except OSError as error:
        raise OperationFailed(
            f"The index cannot be written ({error.strerror or type(error).__name__}).",
            where=file.parent,
            todo="Free some space, or make the folder writable, and run the same command again: what was read is kept.",
        ) from error
    finally:
        if ledger is not None:
            ledger.close()


def _generation(ledger: Ledger) -> int:
    return int(ledger.fact("generation") or 1)


def _take_stock(ledger: Ledger, roots: list[Path], site: str, skipped: Skipped, progress: Progress) -> int:
    found = 0
    for root in roots:
        whole = ledger.covering_root(root)
        if whole is not None:
            root = whole
        number = ledger.add_root(root, site)
        found += ledger.take_stock(number, _seen_under(root, skipped), _generation(ledger))
    progress.log(f"{found:,} files found, {ledger.pending_count():,} to be read.")
    return found


def _seen_under(root: Path, skipped: Skipped) -> Iterator[FoundFile]:
    yield from walk(root, skipped)
    if root.is_file() and root.name.upper() == "DICOMDIR":
        for result in map_tasks(dicomdir.names_in, [str(root)], workers=1):
            for file in dicomdir.find_beside(root, result.value or []):
                yield from walk(file, skipped)


def _finish(
    ledger: Ledger, folder: Path, key: SiteKey, split: Split, words: OutcomeWords, skipped: Skipped
) -> dict[str, Any]:
    accounting.settle(ledger, words.is_used)
    accounting.make_kept_view(ledger)
    hounsfield.flag_series(ledger.connection)
    totals = accounting.count(ledger)
    groups = manifest.group_patients(ledger, near_duplicates.found_alike(folder / "private"))
    before = manifest.known_patients(folder / "manifest.parquet")
    split, moved = split.grown(key, groups, before.__contains__)
    decisions.begin(folder)
    split.write(folder)
    manifest.write_private(ledger, folder / "private", key.path)
    measures.write(ledger.connection, folder / "private")
    manifest.write_refused(folder / "refused.csv", accounting.refusals(ledger, key.path))
    found = tables.find(ledger, key)
    totals.volumes = found.volumes
    tables.write(ledger, folder)
    manifest.write_manifest(ledger, folder / "manifest.parquet")
    numbers = intake.gather(
        ledger,
        totals,
        moved=len(moved),
        test_patients=len(set(split.test_patients) & set(groups)),
        skipped={"links": skipped.links, "special": skipped.special, "closed_folders": skipped.closed_folders},
    )
    numbers["stacks"] = findings.numbers(found)
    cohort = Cohort(folder)
    return_memory()
    numbers = report.write(cohort, numbers).numbers
    cohort.describe(key.fingerprint, sources=len(ledger.roots()))
    return numbers
