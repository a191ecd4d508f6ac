"""What the index found, in numbers: totals, distributions, what was passed over (``intake.json``)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from workbench.cohort import privacy_ledger
from workbench.cohort.accounting import Totals
from workbench.cohort.ledger import Ledger
from workbench.cohort.quality.finding import number_of

DISTRIBUTIONS = ("modality", "view_position", "scanner", "bits_stored", "body_part", "sex", "site", "photometric")
BINNED = {
    "age": "CASE WHEN age_years IS NULL THEN NULL WHEN age_years >= 90 THEN '90 and over' "
    "ELSE printf('%d to %d', age_years / 10 * 10, age_years / 10 * 10 + 9) END",
    "size": "CASE WHEN MAX(rows, columns) < 256 THEN 'below 256' WHEN MAX(rows, columns) < 512 THEN '256 to 511' "
    "WHEN MAX(rows, columns) < 1024 THEN '512 to 1,023' WHEN MAX(rows, columns) < 2048 THEN '1,024 to 2,047' "
    "ELSE '2,048 and more' END",
}
SHOWN = 30
FACTS = ("sex", "age_years", "scanner", "site", "view_position", "spacing_row_mm")


def gather(
    ledger: Ledger, totals: Totals, *, moved: int, test_patients: int, skipped: dict[str, int]
) -> dict[str, Any]:
    """Numbers of a settled and grouped ledger.

    Args:
        ledger: The ledger, with the view ``kept`` and the tables of ``manifest.group_patients``.
        totals: Its totals.
        moved: Patients that this index moved from test to development.
        test_patients: Patients reserved for the test set.
        skipped: Links, special files and closed folders met on the way.
    """
    run = ledger.connection.execute
    distributions = {}
    for name in (*DISTRIBUTIONS, *BINNED):
        value = BINNED.get(name, f'"{name}"')
        rows = run(
            f"SELECT COALESCE({value}, 'not stated'), COUNT(*), MIN(age_years), MIN(MAX(rows, columns)) FROM kept "
            "GROUP BY 1 ORDER BY " + ({"age": "3, 1", "size": "4"}.get(name, "2 DESC, 1")) + " LIMIT ?",
            (SHOWN,),
        ).fetchall()
        distributions[name] = {str(value): number for value, number, *_ in rows}
    sizes = run("SELECT COUNT(*) FROM patients GROUP BY family ORDER BY 1 DESC LIMIT 1").fetchone()
    (pictures,) = run("SELECT COUNT(*) FROM repeated").fetchone()
    (shared,) = run("SELECT COUNT(*) FROM shared").fetchone()
    (groups,) = run("SELECT COUNT(DISTINCT family) FROM patients").fetchone()
    return {
        "totals": asdict(totals),
        "groups": groups,
        "largest_group": sizes[0] if sizes else 0,
        "identical_pictures": pictures,
        "identical_pictures_across_patients": shared,
        "test_patients": test_patients,
        "moved_to_development": moved,
        "passed_over": skipped,
        "flags": _flag_counts(ledger),
        "distributions": distributions,
        "missing": {name: run(f'SELECT COUNT(*) FROM kept WHERE "{name}" IS NULL').fetchone()[0] for name in FACTS},
        "findings": [],
        "decisions_needed": 0,
        "privacy": {"never": privacy_ledger.NEVER, "attributes": privacy_ledger.rows(ledger.connection)},
    }


def headline(numbers: dict[str, Any]) -> str:
    """The one line on top: files, pictures, patients, decisions."""
    totals = numbers["totals"]
    needed = numbers["decisions_needed"]
    decisions = (
        f"{needed:,} {'needs' if needed == 1 else 'need'} your decision." if needed else "Nothing needs your decision."
    )
    return (
        f"{number_of(totals['seen'], 'file')} → {number_of(totals['scans'], 'picture')} "
        f"from {number_of(totals['patients'], 'patient')}. {decisions}"
    )


def notes(numbers: dict[str, Any]) -> list[str]:
    """What deserves a look, in sentences: findings that nobody decided yet, and what the walk passed over."""
    passed = numbers["passed_over"]
    return [
        f"{item['sentence']} {item.get('default', '')}".strip()
        for item in numbers["findings"]
        if item["level"] != "note" and not item.get("decided")
    ] + [
        f"{number_of(passed[name], noun)} {state}."
        for name, noun, state in (
            ("links", "symbolic link", "not followed"),
            ("closed_folders", "folder", "not readable from this account"),
            ("special", "special file", "passed over"),
        )
        if passed[name]
    ]


def _flag_counts(ledger: Ledger) -> dict[str, int]:
    counts: dict[str, int] = {}
    for flags, number in ledger.connection.execute("SELECT flags, COUNT(*) FROM kept WHERE flags != '' GROUP BY flags"):
        for flag in flags.split(";"):
            counts[flag] = counts.get(flag, 0) + number
    (again,) = ledger.connection.execute("SELECT COUNT(*) FROM kept JOIN repeated ON hash = pixel_hash").fetchone()
    if again:
        counts["identical_pixels"] = again
    return dict(sorted(counts.items()))
