"""``audit.json``: all that was found, as plain values; the contract of the app's page "Does it work for everyone?"."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.audit.findings import CalibrationAt, Findings
from workbench.audit.groups import Difference, Disparity, Group, Matched, Value
from workbench.audit.operating_table import Operating
from workbench.audit.referral import Referral
from workbench.audit.reliability import Reliability
from workbench.audit.representation import Representation
from workbench.audit.shortcut import ALPHA, Shortcut
from workbench.audit.verdict import AttributeVerdict
from workbench.evaluation.interval import Interval
from workbench.runs.status import write_json
from workbench.study.contrasts import Contrast
from workbench.study.results import finite

SCHEMA = 1


def summarise(found: Findings) -> dict[str, Any]:
    """Everything but the cases, whose keys stay in the run folder's table."""
    source, material = found.source, found.material
    sizes = material.subjects.sizes()
    return finite(
        {
            "schema_version": SCHEMA,
            "verdict": found.verdict,
            "warnings": found.warnings,
            "source": {"kind": source.kind, "run_id": source.run_id, **source.facts},
            "cohort": source.cohort.name,
            "labels_version": source.labels.version,
            "classes": source.labels.classes,
            "question": {
                "positive": list(material.question.positive),
                "name": material.question.name,
                "said": material.question.said,
            },
            "arm": source.arm,
            "protocol": source.protocol,
            "reference": {"arm": source.reference[0], "protocol": source.reference[1]},
            "budget": material.primary.budget,
            "n": material.primary.n,
            "draws": len(material.primary.draws),
            "budget_unit": source.budget_unit,
            "unit": source.unit,
            "test": {
                "units": sizes.cases,
                "patients": sizes.patients,
                "positive_patients": sizes.positive,
                "negative_patients": sizes.negative,
            },
            "development": {"scans": len(source.dev_ids), "patients": source.pool_patients},
            "everyone": _group(found.everyone),
            "attributes": [
                _attribute(each, said) for each, said in zip(found.disparities, found.verdicts, strict=True)
            ],
            "skipped": [{"name": name, "reason": reason} for name, reason in found.skipped.items()],
            "shortcuts": [_shortcut(each) for each in found.shortcuts],
            "rivals": [
                {
                    "name": each.name,
                    "auc": {"value": each.auc, "low": each.low, "high": each.high},
                    "behind": contrast_plain(each.behind),
                    "alarm": each.alarm,
                }
                for each in found.rivals
            ],
            "representation": [_representation(each) for each in found.representation],
            "calibration": {
                "by_budget": [_calibration(each) for each in found.calibration],
                "diagram": found.diagram.to_dict("records"),
                "histogram": found.histogram,
            },
            "operating_point": _operating(found.operating),
            "decision_curve": _benefit(found),
            "referral": {
                "alpha": found.settings.alpha,
                "by_budget": [_referral(each) for each in found.referral],
                "by_group": [vars(each) for each in found.coverage],
            },
            "cases": {
                "count": len(found.cases),
                "by_doubt": sum(case.score == case.score for case in found.cases),
                "by_chance": sum(case.score != case.score for case in found.cases),
                "file": "labels_to_check.csv" if found.cases else None,
            },
            "settings_digest": found.settings.digest(),
        }
    )


def write_summary(folder: Path, summary: dict[str, Any]) -> Path:
    """Write ``audit.json``."""
    write_json(folder / "audit.json", summary)
    return folder / "audit.json"


def contrast_plain(found: Contrast) -> dict[str, float]:
    """A difference with its 95 % interval, standard error and p-value."""
    low, high = found.interval() if found.estimate == found.estimate else (float("nan"), float("nan"))
    p = found.p if found.estimate == found.estimate else float("nan")
    return {"value": found.estimate, "low": low, "high": high, "se": found.se, "p": p}


def _value(found: Value | None) -> dict[str, float] | None:
    return None if found is None else {"value": found.value, "low": found.low, "high": found.high}


def _interval(found: Interval) -> dict[str, Any]:
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n, "n_patients": found.n_patients}


def _group(group: Group) -> dict[str, Any]:
    sizes = group.sizes
    return {
        "name": group.name,
        "comparable": group.comparable,
        "units": sizes.cases,
        "patients": sizes.patients,
        "positive_patients": sizes.positive,
        "negative_patients": sizes.negative,
        "shown": sizes.shown,
        "judged": sizes.judged and group.comparable,
        "note": sizes.note if group.comparable else "no group of people: not recorded, or mixed",
        "points": [
            {
                "arm": point.arm,
                "protocol": point.protocol,
                "budget": point.budget,
                "n": point.n,
                "auc": _value(point.auc),
                "sensitivity": _value(point.sensitivity),
                "specificity": _value(point.specificity),
            }
            for point in group.points
        ],
        "differences": [_difference(each) for each in group.differences],
        "matched": _matched(group.matched),
        "shrunken_auc": group.shrunken,
        "observed_over_expected": _value(group.observed_expected),
        "calibration": _reliability(group.calibration) if group.calibration else None,
        "help": {**contrast_plain(group.help), "p_holm": group.help_p} if group.help else None,
    }


def _difference(found: Difference) -> dict[str, Any]:
    check = None if found.check is None else {"low": found.check[0], "high": found.check[1]}
    return {
        "metric": found.metric,
        **contrast_plain(found.contrast),
        "p_holm": found.p_holm,
        "named": found.named,
        "newcombe": check,
    }


def _matched(found: Matched | None) -> dict[str, Any] | None:
    if found is None:
        return None
    matching = found.matching
    return {
        **contrast_plain(found.contrast),
        "on": list(matching.on),
        "kept": matching.kept,
        "effective": matching.effective,
        "note": matching.note,
    }


def _attribute(found: Disparity, said: AttributeVerdict) -> dict[str, Any]:
    ranked = [group for group in found.groups if group.shrunken == group.shrunken]
    worst = min(ranked, key=lambda group: group.shrunken, default=None)
    own = next((d for d in worst.differences if d.metric == "auc"), None) if worst else None
    return {
        "name": found.attribute.name,
        "source": found.attribute.source,
        "verdict": {"short": said.short, "sentence": said.sentence},
        "groups": [_group(group) for group in found.groups],
        "tests": {
            metric: {
                "q": test.q,
                "df": test.df,
                "p": test.p,
                "p_holm": found.p_holm[metric],
                "tau": test.tau,
                "common": test.common,
                "gap": test.gap,
                "gap_if_equal": test.gap_if_equal,
                "gap_upper_if_equal": test.gap_upper_if_equal,
                "detectable": found.detectable[metric],
            }
            for metric, test in found.tests.items()
        },
        "worst": None if worst is None or own is None else {"group": worst.name, **_difference(own)},
    }


def _shortcut(found: Shortcut) -> dict[str, Any]:
    linked = found.association
    return {
        "name": found.name,
        "verdict": found.verdict,
        "values": list(found.values),
        "readable": {name: _interval(interval) for name, interval in found.readable.items()},
        "encoded": found.encoded,
        "association": None
        if linked is None
        else {
            "cramers_v": linked.v,
            "p": linked.p,
            "p_holm": found.p_association,
            "patients": linked.patients,
            "table": {name: {"positive": yes, "negative": no} for name, (yes, no) in linked.table.items()},
        },
        "uses": [
            {
                "kind": use.kind,
                "what": use.what,
                **contrast_plain(use.contrast),
                "p_holm": use.p_holm,
                "shown": use.p_holm < ALPHA,
            }
            for use in found.uses
        ],
        "note": found.note,
    }


def _representation(found: Representation) -> dict[str, Any]:
    pool, labelled, unlabelled, test = found.totals
    unlike = {share.group for share in found.unlike}
    return {
        "name": found.name,
        "patients": {"pool": pool, "labelled": labelled, "unlabelled": unlabelled, "test": test},
        "p": found.p,
        "p_holm": found.p_holm,
        "groups": [{**vars(share), "unlike": share.group in unlike} for share in found.shares],
    }


def _reliability(found: Reliability) -> dict[str, Any]:
    return {
        "error": {"value": found.error, "low": found.low, "high": found.high},
        "plain_error": found.plain,
        "plain_error_if_true": found.plain_if_true,
        "slope": contrast_plain(found.slope),
        "intercept": contrast_plain(found.intercept),
        "brier": contrast_plain(found.brier),
        "brier_skill": found.skill,
        "log_loss": contrast_plain(found.log_loss),
    }


def _calibration(found: CalibrationAt) -> dict[str, Any]:
    return {
        "budget": found.budget,
        "n": found.n,
        "temperature": found.temperature,
        "as_given": _reliability(found.raw),
        "recalibrated": _reliability(found.recalibrated),
    }


def _operating(found: Operating) -> dict[str, Any]:
    return {
        "specificity": found.specificity,
        "by_budget": [
            {
                **vars(each),
                "sensitivity": _value(each.sensitivity),
                "specificity": _value(each.specificity),
            }
            for each in found.budgets
        ],
        "predictive_values": [
            {
                "prevalence": each.prevalence,
                "what": each.what,
                "positive": _value(each.positive),
                "negative": _value(each.negative),
            }
            for each in found.predictive
        ],
    }


def _benefit(found: Findings) -> dict[str, Any]:
    curve = found.benefit
    return {
        "verdict": curve.verdict,
        "prevalence": curve.prevalence,
        "learned_prevalence": curve.learned,
        **{
            name: getattr(curve, name).tolist() if getattr(curve, name) is not None else None
            for name in (
                *("thresholds", "model", "everybody", "reference", "gain", "low", "high"),
                *("reference_gain", "reference_low", "reference_high", "avoided"),
            )
        },
    }


def _referral(found: Referral) -> dict[str, Any]:
    return {
        "budget": found.budget,
        "n": found.n,
        "classes": [
            {
                "class": name,
                "coverage": float(found.coverage[c]),
                "low": float(found.low[c]),
                "high": float(found.high[c]),
                "never_ruled_out": float(found.always[c]),
                "spread_low": float(found.spread_low[c]),
                "spread_high": float(found.spread_high[c]),
            }
            for c, name in enumerate(found.classes)
        ],
        "referred": found.referred,
        "read_alone": found.read_alone,
        "error_if_read": found.error_if_read,
    }
