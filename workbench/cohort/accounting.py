"""Every file seen gets one final outcome, used or refused, and the totals add up."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from workbench.cohort.ledger import Ledger

CONTAINERS = ("archive", "dicomdir")


@dataclass
class Totals:
    """What the index counted.

    Attributes:
        seen, used, refused: Regular files under the sources; an archive counts once.
        outcomes: Files by outcome code.
        member_seen, member_used, member_refused, member_outcomes: The same for the files inside archives.
        scans, series, studies, patients, volumes: What the used files hold.
        gone: Files indexed before that are no longer there.
    """

    seen: int = 0
    used: int = 0
    refused: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    member_seen: int = 0
    member_used: int = 0
    member_refused: int = 0
    member_outcomes: dict[str, int] = field(default_factory=dict)
    scans: int = 0
    series: int = 0
    studies: int = 0
    patients: int = 0
    volumes: int = 0
    gone: int = 0


def settle(ledger: Ledger, is_used: Callable[[str], bool]) -> None:
    """Decide every file's final outcome: one SOP instance is kept once, by the file indexed first.

    Further files of the same instance are ``duplicate`` where their pixels are the same and ``uid_conflict`` where
    they differ. An archive is used if anything in it is, a DICOMDIR if any file that it names is, or is a second copy
    of one that is.

    Args:
        ledger: The ledger, with nothing pending.
        is_used: Whether an outcome code stands for a used file.
    """
    run = ledger.connection.execute
    run("BEGIN")
    run("UPDATE files SET final = outcome WHERE final IS NOT outcome")
    run(
        "UPDATE files SET final = CASE WHEN files.pixels = ranked.kept THEN 'duplicate' ELSE 'uid_conflict' END FROM "
        "(SELECT id, FIRST_VALUE(pixels) OVER place AS kept, ROW_NUMBER() OVER place AS number FROM files "
        " WHERE gone = 0 AND instance_key IN (SELECT instance_key FROM files WHERE gone = 0"
        " AND instance_key IS NOT NULL GROUP BY instance_key HAVING COUNT(*) > 1)"
        " WINDOW place AS (PARTITION BY instance_key ORDER BY generation, path, member)) AS ranked "
        "WHERE ranked.id = files.id AND ranked.number > 1"
    )
    codes = [row[0] for row in run("SELECT DISTINCT final FROM files WHERE gone = 0").fetchall()]
    used = [code for code in codes if code not in CONTAINERS and is_used(code)]
    marks = ", ".join("?" * len(used))
    run(f"UPDATE files SET used = final IN ({marks})", used)
    run(
        "UPDATE files SET used = 1 WHERE final = 'dicomdir' AND EXISTS (SELECT 1 FROM names JOIN files AS named ON "
        "named.path = names.path AND named.member = names.member "
        "WHERE names.file = files.id AND (named.used OR named.final = 'duplicate') AND NOT named.gone)"
    )
    run(
        "UPDATE files SET used = 1 WHERE final = 'archive' AND EXISTS "
        "(SELECT 1 FROM files AS part WHERE part.archive = files.id AND part.used AND NOT part.gone)"
    )
    run("COMMIT")


def count(ledger: Ledger) -> Totals:
    """The totals of a settled ledger."""
    totals = Totals()
    run = ledger.connection.execute
    rows = run(
        "SELECT archive IS NOT NULL, final, used, COUNT(*) FROM files WHERE gone = 0 GROUP BY 1, 2, 3 ORDER BY 2"
    ).fetchall()
    for inside, code, used, number in rows:
        prefix = "member_" if inside else ""
        outcomes: dict[str, int] = getattr(totals, f"{prefix}outcomes")
        outcomes[code] = outcomes.get(code, 0) + number
        for name in ("seen", "used" if used else "refused"):
            setattr(totals, prefix + name, getattr(totals, prefix + name) + number)
    totals.scans, totals.series, totals.studies, totals.patients = run(
        "SELECT COUNT(*), COUNT(DISTINCT series_key), COUNT(DISTINCT study_key), COUNT(DISTINCT patient_key) FROM kept"
    ).fetchone()
    (totals.gone,) = run("SELECT COUNT(*) FROM files WHERE gone AND archive IS NULL").fetchone()
    return totals


def make_kept_view(ledger: Ledger) -> None:
    """``kept``: the scans of used files, each instance once."""
    run = ledger.connection.execute
    run("DROP VIEW IF EXISTS temp.kept")
    run(
        "CREATE TEMP VIEW kept AS SELECT scans.* FROM main.scans JOIN main.files ON files.id = scans.file "
        "WHERE files.gone = 0 AND files.used"
    )


def refusals(ledger: Ledger, path_key: Callable[[str, str], str]) -> Iterator[tuple[str, str, str]]:
    """Path key, outcome and detail of every refused file, in order; members of archives after their archive."""
    rows = ledger.connection.execute(
        "SELECT path, member, final, detail FROM files WHERE gone = 0 AND NOT used ORDER BY generation, path, member"
    )
    for path, member, code, detail in rows:
        name = os.fsdecode(path)
        note = detail or ""
        if member:
            note = f"{note}; in archive {path_key(name, '')}".removeprefix("; ")
        yield path_key(name, member), code, note
