"""The facts of one instance under the manifest's names: identifiers become keyed hashes here and go no further."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.cohort.columns import SCAN_COLUMNS
from workbench.cohort.date_shift import shifted
from workbench.cohort.keys import SiteKey
from workbench.cohort.ledger import PendingFile

if TYPE_CHECKING:
    from workbench.dicom.header import Header


def facts_of(
    header: Header, item: PendingFile, key: SiteKey
) -> tuple[dict[str, Any], tuple[tuple[str, str, str], ...]]:
    """A header's facts under the manifest's names, identifiers replaced by keys; and the links for label tables."""
    from workbench.dicom.contradictions import day

    raw = header.identifiers
    patient_id = raw.patient_id.strip()
    study, series, instance = raw.study_uid, raw.series_uid, raw.sop_uid
    path_key = key.path(item.path, item.member)
    facts: dict[str, Any] = {name: _known(getattr(header, name, None)) for name in SCAN_COLUMNS}
    links: tuple[tuple[str, str, str], ...] = ()
    if patient_id:
        patient = key.patient(raw.issuer, patient_id)
        loose = patient_id.lstrip("0").upper()
        links = (
            ("patient", patient, key.link("patient", patient_id)),
            ("patient_loose", patient, key.link("patient_loose", loose)),
        )
    else:
        patient = key.unknown_patient(study or series or instance or path_key)
    made_by = " ".join(word for word in (facts["manufacturer"], facts["model"]) if word)
    machine = key.device(raw.station, raw.institution) if raw.station else ""
    facts.update(
        path_key=path_key,
        study_date=shifted(key, patient, day(raw.study_date)),
        patient_key=patient,
        patient_unknown=int(not patient_id),
        study_key=key.uid(study or f"none|{path_key}"),
        series_key=key.uid(series or f"none|{path_key}"),
        instance_key=key.uid(instance or f"none|{path_key}"),
        scanner=" ".join(word for word in (made_by, machine) if word) or None,
        site=item.site or (f"site {key.device('', raw.institution)[:4]}" if raw.institution else None),
        flags=join_flags(*([] if patient_id else ["patient_unknown"]), header.flags),
    )
    return facts, links


def _known(value: Any) -> Any:
    return None if value == "" else value


def join_flags(*flags: Any) -> str:
    """Findings as one word, sorted, each once."""
    names: set[str] = set()
    for flag in flags:
        names.update(flag.split(";") if isinstance(flag, str) else flag)
    return ";".join(sorted(names - {""}))
