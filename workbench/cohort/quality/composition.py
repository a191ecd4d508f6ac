"""Rules about what the cohort is made of: mixtures (Q10), what is no plain picture (Q11), missing facts (Q18)."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.cohort.quality.evidence import Evidence
from workbench.cohort.quality.finding import Finding, number_of, percent

MIXED_SHARE = 0.02
MISSING_SHARE = 0.10
"""A fact missing for more than this cannot be audited."""
MISSING = {
    "sex": "sex",
    "age_years": "age",
    "site": "site",
    "scanner": "scanner",
    "view_position": "view",
    "spacing_row_mm": "pixel spacing",
}
AUDITED = ("sex", "age_years", "site", "scanner")


def mixture(evidence: Evidence) -> Iterator[Finding]:
    """Q10: several modalities or body parts in one cohort."""
    for column, noun in (("modality", "modality"), ("body_part", "body part")):
        values = evidence.scans[column]
        counts = values.value_counts()
        counts = counts[counts > 0]
        if len(counts) < 2:
            continue
        main, minority = str(counts.index[0]), int(counts.iloc[1:].sum())
        share = minority / int(counts.sum())
        others = (values.notna() & (values != counts.index[0])).to_numpy(bool)
        if share > MIXED_SHARE:
            shown = ", ".join(f"{name} {number:,}" for name, number in counts.head(6).items())
            more = ", ..." if len(counts) > 6 else ""
            sentence = f"Several kinds of {noun} lie in this cohort: {shown}{more}. One task rarely fits them all."
        else:
            sentence = (
                f"{number_of(minority, 'picture', 'is', 'are')} of another {noun} than {main}, the one of nearly all "
                f"({percent(share)}): perhaps misplaced."
            )
        yield Finding(
            "Q10",
            f"mixed_{column}",
            "note",
            f"More than one {noun}",
            sentence,
            minority,
            default="They are used.",
            choices=("keep", "exclude"),
            scans=evidence.ids(others),
            details=values[others].astype(str).tolist(),
        )


def no_plain_pictures(evidence: Evidence) -> Iterator[Finding]:
    """Q11: localizers, derived pictures, screenshots."""
    localizers, derived = evidence.having("localizer"), evidence.having("derived")
    if localizers.any():
        number = int(localizers.sum())
        yield Finding(
            "Q11",
            "localizer",
            "exclude",
            "Localizers",
            f"{number_of(number, 'localizer', 'is', 'are')} kept out of training.",
            number,
            default="They are not used for training or testing.",
            choices=("keep", "include"),
            scans=evidence.ids(localizers),
        )
    if derived.any():
        number = int(derived.sum())
        yield Finding(
            "Q11",
            "derived",
            "note",
            "Derived pictures",
            f"{number_of(number, 'picture', 'was', 'were')} computed from others (reformatted, projected, subtracted, "
            "or made by an importer).",
            number,
            default="They are used.",
            choices=("keep", "exclude"),
            scans=evidence.ids(derived),
        )
    totals = evidence.numbers.get("totals", {})
    screens = sum(totals.get(name, {}).get("screenshot", 0) for name in ("outcomes", "member_outcomes"))
    if screens:
        yield Finding(
            "Q11",
            "screenshot",
            "note",
            "Screenshots",
            f"{number_of(screens, 'screenshot or scanned page', 'was', 'were')} kept aside, because names may be on "
            "them."
            if screens == 1
            else f"{screens:,} screenshots or scanned pages were kept aside, because names may be on them.",
            screens,
            default="Listed in refused.csv.",
        )


def missing(evidence: Evidence) -> Iterator[Finding]:
    """Q18: facts that too many pictures lack, so that nobody can look whether results differ by them."""
    total = len(evidence.scans)
    shares = {column: float(evidence.scans[column].isna().mean()) for column in MISSING} if total else {}
    lacking = {column: share for column, share in shares.items() if share > MISSING_SHARE}
    if lacking:
        facts = ", ".join(f"{MISSING[column]} for {percent(share)}" for column, share in lacking.items())
        audited = [MISSING[column] for column in lacking if column in AUDITED]
        more = f" No audit can be made by {_joined(audited)}." if audited else ""
        yield Finding(
            "Q18",
            "missing_facts",
            "note",
            "Facts not stated",
            f"Not stated in the headers: {facts} of the pictures.{more}",
            len(lacking),
            default="The pictures are used.",
        )


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def nameless(evidence: Evidence) -> Iterator[Finding]:
    """Pictures that name no patient."""
    found = evidence.having("patient_unknown")
    if found.any():
        number = int(found.sum())
        yield Finding(
            "Q18",
            "patient_unknown",
            "warn",
            "No patient named",
            f"{number_of(number, 'picture', 'names', 'name')} no patient: the study stands in for one. If a patient "
            "has several studies, they may fall on both sides of the split.",
            number,
            default="They are used.",
            choices=("keep", "exclude"),
            scans=evidence.ids(found),
        )
