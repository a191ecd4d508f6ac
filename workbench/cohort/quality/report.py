"""The quality report of a cohort: rules are asked, decisions looked up, lists and the page written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.cohort import decisions, intake_page
from workbench.cohort.cohort import Cohort
from workbench.cohort.decisions import Act
from workbench.cohort.quality import contact_sheet, privacy, shrunken
from workbench.cohort.quality.evidence import Evidence
from workbench.cohort.quality.finding import Finding
from workbench.cohort.quality.rules import check
from workbench.errors import InputError
from workbench.runs.status import write_text

FOLDER = "findings"
LIST_COLUMNS = ("scan_id", "path_key", "patient_key", "study_key", "series_key", "detail")
EXAMPLES = 8
EXAMPLE_SIDE = 112


@dataclass(frozen=True, eq=False)
class Report:
    """What a report says.

    Attributes:
        numbers: As in ``intake.json``.
        findings: All findings.
        decided: By code, what was decided about findings.
        evidence: What the rules looked at.
    """

    numbers: dict[str, Any]
    findings: list[Finding]
    decided: dict[str, dict[str, str]]
    evidence: Evidence

    def finding(self, name: str) -> Finding:
        """A finding by its code, or by its rule's number where that is clear.

        Raises:
            InputError: There is none, or several.
        """
        found = [item for item in self.findings if name.lower() in (item.code.lower(), item.rule.lower())]
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(
                f"Several findings belong to {name}.", todo=f"Name one: {', '.join(item.code for item in found)}."
            )
        known = ", ".join(item.code for item in self.findings)
        raise InputError(
            f"There is no finding '{name}'.", todo=f"Findings are: {known}." if known else "There are no findings."
        )


def write(cohort: Cohort, numbers: dict[str, Any] | None = None) -> Report:
    """Ask the rules and write ``intake.json``, ``intake.html`` and the lists in ``findings/``.

    Args:
        cohort: The cohort, with its manifest written.
        numbers: What ``intake.gather`` found; those of the last report when not given.

    Raises:
        InputError: The cohort was never indexed, so that there is nothing to report on.
    """
    import pyarrow as pa

    numbers = dict(numbers if numbers is not None else known_numbers(cohort))
    evidence = Evidence.of(cohort, numbers)
    numbers["test_patients"] = len(evidence.test_patients & set(evidence.scans["patient_key"]))
    findings = check(evidence)
    decided = _decided(cohort.folder, findings, evidence)
    numbers["findings"] = [finding.plain(decided.get(finding.code), cohort=cohort.name) for finding in findings]
    numbers["decisions_needed"] = sum(
        finding.count for finding in findings if finding.level == "stop" and finding.code not in decided
    )
    numbers["contact_sheet"] = contact_sheet.state(cohort, evidence)
    _write_lists(cohort, findings)
    write_text(cohort.folder / "intake.json", json.dumps(numbers, indent=1))
    page = intake_page.page(
        cohort.name, numbers, acts=decisions.acts(cohort.folder), examples=_examples(cohort, findings, evidence)
    )
    write_text(cohort.folder / "intake.html", page)
    pa.default_memory_pool().release_unused()
    return Report(numbers, findings, decided, evidence)


def refresh(cohort: Cohort) -> None:
    """Write the report again, where there is one: after labels, split or decisions changed."""
    if (cohort.folder / "intake.json").is_file():
        write(cohort)


def known_numbers(cohort: Cohort) -> dict[str, Any]:
    """The numbers of the last index.

    Raises:
        InputError: There are none.
    """
    try:
        return json.loads((cohort.folder / "intake.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"The cohort '{cohort.name}' has no report of an index.",
            where=cohort.folder,
            todo="Run 'workbench index' on its sources again.",
        ) from error


def _decided(folder: Path, findings: list[Finding], evidence: Evidence) -> dict[str, dict[str, str]]:
    """What was decided about findings, by code; a signed contact sheet decides about suspected text."""
    confirmed = decisions.confirmed(folder, "finding")
    found = {}
    for finding in findings:
        act = confirmed.get(finding.key)
        if act is None and finding.code == "text_suspected":
            act = contact_sheet.signed_for(folder, finding.scans, evidence)
        if act is not None:
            found[finding.code] = {"what": _choice(act), "why": act.reason, "who": act.who, "when": act.when[:10]}
    return found


def _choice(act: Act) -> str:
    words = {word for word, _, _ in act.lines}
    return next((word for word in ("exclude", "include", "sign") if word in words), "keep")


def _write_lists(cohort: Cohort, findings: list[Finding]) -> None:
    """One CSV file per finding, with keys only."""
    import pandas as pd

    folder = cohort.folder / FOLDER
    folder.mkdir(exist_ok=True)
    listed = [finding for finding in findings if len(finding.scans) or len(finding.files)]
    wanted = {finding.file_name for finding in listed}
    for file in folder.glob("*.csv"):
        if file.name not in wanted:
            file.unlink()
    if not listed:
        return
    names = ["scan_id", "patient_key", "study_key", "series_key"]
    keys = pd.read_parquet(cohort.folder / "manifest.parquet", columns=names).set_index("scan_id")
    for finding in listed:
        table = keys.reindex(pd.Series(list(finding.scans), name="scan_id", dtype=str)).reset_index()
        table["path_key"] = ""
        table["detail"] = [*finding.details, *[""] * (len(table) - len(finding.details))]
        files = pd.DataFrame({"path_key": list(finding.files)})
        temporary = folder / f".{finding.file_name}.part"
        pd.concat([table, files])[list(LIST_COLUMNS)].to_csv(
            temporary, index=False, lineterminator="\n", chunksize=5000
        )
        temporary.replace(folder / finding.file_name)


def _examples(cohort: Cohort, findings: list[Finding], evidence: Evidence) -> dict[str, list[tuple[str, str, str]]]:
    """Per finding, some pictures as ``(scan id, detail, data address)``; none that may show a name or a face."""
    unfit = set(privacy.suspects(evidence)) | set(privacy.face_scans(evidence)[0])
    chosen: dict[str, list[tuple[str, str]]] = {}
    for finding in findings:
        if not finding.hidden:
            details = [*finding.details[: len(finding.scans)], *[""] * (len(finding.scans) - len(finding.details))]
            fit = ((scan, detail) for scan, detail in zip(finding.scans, details, strict=True) if scan not in unfit)
            chosen[finding.code] = [pair for pair, _ in zip(fit, range(EXAMPLES), strict=False)]
    wanted = [scan for pairs in chosen.values() for scan, _ in pairs]
    pictures = shrunken.cached(cohort, wanted, EXAMPLE_SIDE)
    return {
        code: [(scan, detail, shrunken.data_uri(pictures[scan])) for scan, detail in pairs if scan in pictures]
        for code, pairs in chosen.items()
    }
