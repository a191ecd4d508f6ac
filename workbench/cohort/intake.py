"""What the index found, in numbers: totals, distributions, findings, and what needs a decision (``intake.json``)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from workbench.cohort.accounting import Totals
from workbench.cohort.ledger import Ledger

DISTRIBUTIONS = ("modality", "view_position", "scanner", "bits_stored", "body_part", "sex", "site", "photometric")
SHOWN = 30
MISSING = {
    "sex": "Sex",
    "age_years": "Age",
    "scanner": "Scanner",
    "view_position": "View",
    "spacing_row_mm": "Pixel spacing",
}
MISSING_SHARE = 0.1
CROWD = 50
"""A group that ties together more patients than this, or more than 1 % of all, points to a fault in the data."""

READ_AND_DONE = {
    "kept": "modality, body part (controlled list), view, laterality, sex, maker, model, size, bits, photometric "
    "interpretation, transfer syntax, spacing",
    "transformed": "patient ID with issuer, study, series and SOP instance UIDs, station and institution: keyed hash; "
    "age: whole years, 90 for 90 or over; file path: keyed hash (the path itself stays in private/)",
    "never kept": "names, birth dates, addresses, accession numbers, dates and times, free text, private tags",
}


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
    for name in DISTRIBUTIONS:
        rows = run(
            f"SELECT COALESCE(\"{name}\", 'not stated'), COUNT(*) FROM kept GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?",
            (SHOWN,),
        ).fetchall()
        distributions[name] = {str(value): number for value, number in rows}
    flags = _flag_counts(ledger)
    sizes = run("SELECT COUNT(*) FROM patients GROUP BY family ORDER BY 1 DESC LIMIT 1").fetchone()
    (pictures,) = run("SELECT COUNT(*) FROM repeated").fetchone()
    (shared,) = run("SELECT COUNT(*) FROM shared").fetchone()
    (groups,) = run("SELECT COUNT(DISTINCT family) FROM patients").fetchone()
    largest = sizes[0] if sizes else 0
    conflicts = totals.outcomes.get("uid_conflict", 0) + totals.member_outcomes.get("uid_conflict", 0)
    missing = {name: run(f'SELECT COUNT(*) FROM kept WHERE "{name}" IS NULL').fetchone()[0] for name in MISSING}
    findings = _findings(totals, flags, missing, pictures=pictures, shared=shared, conflicts=conflicts, moved=moved)
    if totals.patients and not test_patients:
        findings.append(
            finding(
                "no_test_patients",
                "warn",
                totals.patients,
                "No patient is set aside as test, by chance in so small a cohort or by your settings. Before anything "
                "is trained, 'workbench split' can change that (another seed=, a larger test_share=, stratify=label).",
            )
        )
    if largest > max(CROWD, 0.01 * totals.patients):
        findings.append(
            finding(
                "crowd",
                "stop",
                largest,
                f"One group ties {largest} patients together by identical pictures; look whether these pictures are "
                "covers or test images and exclude them.",
            )
        )
    return {
        "totals": asdict(totals),
        "groups": groups,
        "identical_pictures": pictures,
        "identical_pictures_across_patients": shared,
        "test_patients": test_patients,
        "moved_to_development": moved,
        "passed_over": skipped,
        "flags": flags,
        "distributions": distributions,
        "missing": missing,
        "findings": findings,
        "decisions_needed": sum(item["count"] for item in findings if item["level"] == "stop"),
        "privacy": READ_AND_DONE,
    }


def headline(numbers: dict[str, Any]) -> str:
    """The one line on top: files, pictures, patients, decisions."""
    totals = numbers["totals"]
    needed = numbers["decisions_needed"]
    decisions = (
        f"{needed:,} {'needs' if needed == 1 else 'need'} your decision." if needed else "Nothing needs your decision."
    )
    return (
        f"{_n(totals['seen'], 'file')} → {_n(totals['scans'], 'picture')} "
        f"from {_n(totals['patients'], 'patient')}. {decisions}"
    )


def notes(numbers: dict[str, Any]) -> list[str]:
    """What deserves a look, in sentences: findings, and what the walk passed over."""
    passed = numbers["passed_over"]
    return [item["sentence"] for item in numbers["findings"] if item["level"] != "note"] + [
        f"{_n(passed[name], noun)} {state}."
        for name, noun, state in (
            ("links", "symbolic link", "not followed"),
            ("closed_folders", "folder", "not readable from this account"),
            ("special", "special file", "passed over"),
        )
        if passed[name]
    ]


def finding(code: str, level: str, count: int, sentence: str) -> dict[str, Any]:
    """One finding; level ``stop`` asks for a decision, ``warn`` for a look, ``note`` for nothing."""
    return {"code": code, "level": level, "count": count, "sentence": sentence}


def _findings(
    totals: Totals,
    flags: dict[str, int],
    missing: dict[str, int],
    *,
    pictures: int,
    shared: int,
    conflicts: int,
    moved: int,
) -> list[dict[str, Any]]:
    found = []
    if shared:
        found.append(
            finding(
                "same_picture_two_patients",
                "stop",
                shared,
                f"{_n(shared, 'picture', 'occurs', 'occur')} under more than one patient: a misfiled scan or a copied "
                "number. Unless you decide otherwise these patients stay in one group, on one side of every split.",
            )
        )
    if conflicts:
        found.append(
            finding(
                "uid_conflict",
                "stop",
                conflicts,
                f"{_n(conflicts, 'file', 'claims', 'claim')} to be a picture that another file already is, with "
                "other pixels. The file indexed first was kept.",
            )
        )
    duplicates = totals.outcomes.get("duplicate", 0) + totals.member_outcomes.get("duplicate", 0)
    if duplicates:
        found.append(
            finding(
                "duplicate",
                "note",
                duplicates,
                f"{_n(duplicates, 'file', 'repeats', 'repeat')} a picture that was already there; it was kept once.",
            )
        )
    if pictures:
        found.append(
            finding(
                "identical_pixels",
                "note",
                pictures,
                f"{_n(pictures, 'picture', 'occurs', 'occur')} in several instances with identical pixels: kept, in "
                "one group, counted once in studies.",
            )
        )
    if flags.get("burned_in_text"):
        number = flags["burned_in_text"]
        found.append(
            finding(
                "burned_in_text",
                "stop",
                number,
                f"{_n(number, 'picture', 'says', 'say')} that text is burned in, which may name somebody: kept aside "
                "until you include them.",
            )
        )
    if flags.get("localizer"):
        number = flags["localizer"]
        found.append(finding("localizer", "note", number, f"{_n(number, 'localizer')} kept out of training."))
    if flags.get("blank"):
        found.append(
            finding(
                "blank",
                "warn",
                flags["blank"],
                f"{_n(flags['blank'], 'picture', 'is', 'are')} blank and not used for training.",
            )
        )
    if flags.get("patient_unknown"):
        number = flags["patient_unknown"]
        found.append(
            finding(
                "patient_unknown",
                "warn",
                number,
                f"{_n(number, 'picture', 'names', 'name')} no patient: the study stands in for one.",
            )
        )
    for name, number in missing.items():
        if totals.scans and number / totals.scans > MISSING_SHARE:
            share = 100 * number / totals.scans
            found.append(
                finding(
                    f"missing_{name}",
                    "note",
                    number,
                    f"{MISSING[name]} is not stated for {share:.0f} % of the pictures.",
                )
            )
    if moved:
        found.append(
            finding(
                "moved",
                "warn",
                moved,
                f"{_n(moved, 'patient')} moved from test to development, because identical pictures tie them to "
                "patients there; the test set is smaller now.",
            )
        )
    if totals.gone:
        found.append(
            finding(
                "gone",
                "warn",
                totals.gone,
                f"{_n(totals.gone, 'file')} indexed before {'is' if totals.gone == 1 else 'are'} no longer there.",
            )
        )
    return found


def _flag_counts(ledger: Ledger) -> dict[str, int]:
    counts: dict[str, int] = {}
    for flags, number in ledger.connection.execute("SELECT flags, COUNT(*) FROM kept WHERE flags != '' GROUP BY flags"):
        for flag in flags.split(";"):
            counts[flag] = counts.get(flag, 0) + number
    (again,) = ledger.connection.execute("SELECT COUNT(*) FROM kept JOIN repeated ON hash = pixel_hash").fetchone()
    if again:
        counts["identical_pixels"] = again
    return dict(sorted(counts.items()))


def _n(number: int, noun: str, one: str = "", many: str = "") -> str:
    """A number with its noun, and a verb that fits it."""
    verb = one if number == 1 else many
    return f"{number:,} {noun}{'' if number == 1 else 's'}{' ' + verb if verb else ''}"
