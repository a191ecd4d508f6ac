"""``audit.html``: for whom it works first, then the evidence; one file, no network, readable on paper."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from workbench.audit.tables import primary_point
from workbench.study.report import STYLE

USES = {
    "healthy": "the score of healthy cases differs between groups",
    "conflict": "ranking depends on whether label and attribute agree",
    "balanced": "ranking drops where the attribute cannot help",
}


def write_report(summary: dict[str, Any], folder: Path, captions: dict[str, str], *, title: str) -> Path:
    """Write the page from the figures that ``draw_figures`` left in ``folder/figures``.

    Args:
        summary: As in ``audit.json``.
        folder: The run's.
        captions: Name of each figure to its caption.
        title: Of the page.
    """

    def picture(name: str) -> str:
        file = folder / "figures" / f"{name}.svg"
        if name not in captions or not file.exists():
            return ""
        svg = file.read_text(encoding="utf-8")
        words = escape(captions[name])
        return f"<figure role='img' aria-label='{words}'>{svg[svg.index('<svg') :]}</figure>"

    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p class='note'>{escape(_subject(summary))}</p>",
        f"<p class='verdict'>{escape(summary['verdict'])}</p>",
        *(f"<p class='warning'>{escape(words)}</p>" for words in summary["warnings"]),
        "<h2>For whom does it work?</h2>",
        _attributes(summary),
        picture("groups"),
        _groups(summary),
        picture("worst_groups"),
        "<h2>Does it take a shortcut?</h2>",
        _shortcuts(summary),
        picture("shortcuts"),
        _rivals(summary),
        "<h2>Are the labelled patients like the pool?</h2>",
        _representation(summary),
        picture("representation"),
        "<h2>Do probabilities mean what they say?</h2>",
        picture("reliability"),
        _calibration(summary),
        "<h2>Where to draw the line</h2>",
        picture("operating_point"),
        _operating(summary),
        "<h2>Is acting on it worth while?</h2>",
        f"<p>{escape(summary['decision_curve']['verdict'])}</p>",
        picture("decision_curve"),
        "<h2>Which cases must a person read?</h2>",
        picture("referral"),
        _referral(summary),
        "<h2>Labels to look at again</h2>",
        _cases(summary),
        "<h2>How it was done</h2>",
        f"<p>{escape(methods(summary))}</p>",
        "<p class='foot'>For research. Not a medical device; not for diagnosis.</p>",
    ]
    page = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )
    file = folder / "audit.html"
    file.write_text(page, encoding="utf-8")
    return file


def methods(summary: dict[str, Any]) -> str:
    """A paragraph for a manuscript's methods."""
    sources = ", ".join(attribute["name"] for attribute in summary["attributes"]) or "none"
    line = summary["operating_point"]["by_budget"][-1]
    how = (
        "out-of-fold scores of each labelled set"
        if line["transferred"]
        else "scores of the other half of test patients"
    )
    return (
        f"Test cases were grouped by {sources}. Within groups the AUC (DeLong placements, clustered by patient), and "
        f"sensitivity and specificity at one line for all (set for a specificity of "
        f"{summary['operating_point']['specificity']:g} on {how}; two-way bootstrap of patients and draws that sets "
        "the "
        "line again), are means over draws; intervals are over test patients, draws and the pool that is drawn from. "
        "An "
        "AUC is printed from 10 patients with and 10 without the disease, and enters tests from 30 and 30; a "
        "sensitivity "
        "or specificity from 20. Groups are named only where Cochran's Q on the logit scale is significant after "
        "Holm's "
        "correction over all attributes and metrics, and the group differs from the rest after Holm's correction "
        "within "
        "the attribute. Differences were repeated with cases weighted to the same mix of disease, age, view and site. "
        "An attribute counts as encoded when a probe on frozen features, trained and tested on healthy cases, reads it "
        "with an AUC whose interval lies above 0.60; as used when it goes with the label in the labelled set and the "
        "disease score depends on it (Holm). Calibration: one temperature from out-of-fold scores, with a standard "
        "normal prior on its logarithm; debiased squared error over equal-mass bins with an interval by test "
        "inversion. "
        f"Prediction sets are class-conditional (alpha {summary['referral']['alpha']:g}), each patient counted once."
    )


def _subject(summary: dict[str, Any]) -> str:
    reference = summary["reference"]["arm"]
    compared = f" Reference: {reference} ({summary['reference']['protocol']})." if reference else ""
    draws = "draw" if summary["draws"] == 1 else "draws"
    return (
        f"{summary['source']['kind'].capitalize()} {summary['source']['run_id']}, cohort {summary['cohort']}, labels "
        f"{summary['labels_version']}. {summary['arm']} ({summary['protocol']}) at {summary['budget']} labelled "
        f"{summary['budget_unit']}, {summary['draws']} {draws}; answers per {summary['unit']}. "
        f"{summary['question']['said']}{compared}"
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    """An HTML table of plain text."""
    top = "".join(f"<th scope='col'>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def shown(value: dict[str, Any] | None, *, sign: bool = False) -> str:
    """A value with its interval."""
    if value is None or value["value"] is None:
        return "-"
    form = "+.3f" if sign else ".3f"
    text = format(value["value"], form)
    return text if value["low"] is None else f"{text} ({value['low']:{form}} to {value['high']:{form}})"


def _p(value: float | None) -> str:
    return "-" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _attributes(summary: dict[str, Any]) -> str:
    said = "".join(f"<p>{escape(each['verdict']['sentence'])}</p>" for each in summary["attributes"])
    rows = []
    for each in summary["attributes"]:
        for metric, test in each["tests"].items():
            gap = f"{test['gap']:.3f} ({test['gap_if_equal']:.3f}, {test['gap_upper_if_equal']:.3f})"
            rows.append(
                [each["name"], each["verdict"]["short"], metric, _p(test["p"]), _p(test["p_holm"]), gap,
                 f"{test['detectable']:.3f}"]
            )  # fmt: skip
    for each in summary["skipped"]:
        rows.append([each["name"], f"not audited: {each['reason']}", "", "", "", "", ""])
    if not rows:
        return said + "<p>No attribute of these scans has two groups.</p>"
    note = (
        "<p class='note'>Gap: largest minus smallest value; without any difference it would still be about the first "
        "number in brackets, and beyond the second in one of twenty data sets. Detectable: the smallest difference "
        "from "
        "the rest that would probably have been seen.</p>"
    )
    head = ["attribute", "verdict", "metric", "p", "p (Holm)", "gap", "detectable"]
    return said + table(head, rows) + note


def _groups(summary: dict[str, Any]) -> str:
    rows = []
    for attribute in [{"name": "", "groups": [summary["everyone"]]}, *summary["attributes"]]:
        for group in attribute["groups"]:
            point = primary_point(summary, group)
            by = {d["metric"]: d for d in group["differences"]}
            matched = group["matched"]
            rows.append(
                [
                    attribute["name"],
                    group["name"],
                    f"{group['positive_patients']:,} + {group['negative_patients']:,}",
                    shown(point["auc"]),
                    shown(by.get("auc"), sign=True),
                    shown(matched, sign=True) if matched and not matched["note"] else "-",
                    shown(point["sensitivity"]),
                    shown(point["specificity"]),
                    shown(group["observed_over_expected"]),
                    group["note"],
                ]
            )
    head = [
        *("attribute", "group", "patients with + without", "AUC", "minus the rest", "at the same case mix"),
        *("sensitivity", "specificity", "observed / expected", "note"),
    ]
    return table(head, rows)


def _shortcuts(summary: dict[str, Any]) -> str:
    rows = []
    for each in summary["shortcuts"]:
        linked = each["association"]
        readable = "; ".join(f"{name} {shown(value)}" for name, value in each["readable"].items()) or each["note"]
        signs = [USES[use["kind"]] for use in each["uses"] if use["shown"]]
        v = f"{linked['cramers_v']:.2f} (p {_p(linked['p_holm'])})" if linked else "-"
        rows.append([each["name"], each["verdict"], readable, v, "; ".join(dict.fromkeys(signs)) or "none"])
    if not rows:
        return "<p>No attribute to look for.</p>"
    note = (
        "<p class='note'>Readable: AUC of a probe on frozen features for the attribute, trained and tested on healthy "
        "cases; 0.5 is chance. That something can be read is no fault; the finding is use.</p>"
    )
    head = ["attribute", "verdict", "readable from", "goes with the label (V)", "signs of use"]
    return table(head, rows) + note


def _rivals(summary: dict[str, Any]) -> str:
    rows = [
        [each["name"], shown(each["auc"]), shown(each["behind"], sign=True), "ALARM" if each["alarm"] else "no alarm"]
        for each in summary["rivals"]
    ]
    if not rows:
        return ""
    words = "<p>Models that do not look at the disease, trained on all labels:</p>"
    return words + table(["sees only", "AUC for the disease", "audited model minus it", "within 0.02"], rows)


def _representation(summary: dict[str, Any]) -> str:
    rows = []
    for each in summary["representation"]:
        total = each["patients"]
        for group in each["groups"]:
            difference = {"value": group["difference"], "low": group["low"], "high": group["high"]}
            rows.append(
                [
                    each["name"],
                    group["group"],
                    *(
                        f"{group[side]:,} ({100 * group[side] / max(total[side], 1):.0f} %)"
                        for side in ("pool", "labelled", "unlabelled", "test")
                    ),  # noqa: E501
                    shown(difference, sign=True),
                    "unlike" if group["unlike"] else "",
                ]
            )
    if not rows:
        return "<p>No attribute to compare by.</p>"
    words = ""
    if not summary["representation"][0]["patients"]["unlabelled"]:
        words = "<p>Every patient of the pool has a label: there is nobody to be unlike.</p>"
    head = ["attribute", "group", "pool", "labelled", "rest of the pool", "test", "labelled minus rest", ""]
    return words + table(head, rows)


def _calibration(summary: dict[str, Any]) -> str:
    rows = []
    for at in summary["calibration"]["by_budget"]:
        for kind, words in (("as_given", "as given"), ("recalibrated", "after the temperature")):
            found = at[kind]
            rows.append(
                [
                    str(at["budget"]),
                    words,
                    f"{at['temperature']:.2f}" if kind == "recalibrated" else "-",
                    shown(found["error"]),
                    shown(found["slope"]),
                    shown(found["intercept"], sign=True),
                    shown(found["brier"]),
                    "-" if found["brier_skill"] is None else f"{found['brier_skill']:.2f}",
                    f"{found['plain_error']:.3f} / {found['plain_error_if_true']:.3f}"
                    if found["plain_error"] is not None
                    else "-",
                ]
            )
    head = ["labels", "probabilities", "factor", "calibration error", "slope", "intercept", "Brier score", "skill",
            "plain error / if true"]  # fmt: skip
    return table(head, rows)


def _operating(summary: dict[str, Any]) -> str:
    rows = [
        [
            str(at["budget"]),
            shown(at["sensitivity"]),
            shown(at["specificity"]),
            f"{at['oracle_sensitivity']:.3f}",
            f"{at['draws_with_line']} of {at['draws']}",
            at["note"],
        ]
        for at in summary["operating_point"]["by_budget"]
    ]
    head = ["labels", "sensitivity", "specificity", "oracle sensitivity", "draws with a line", "note"]
    values = [
        [f"{100 * each['prevalence']:.1f} %", each["what"], shown(each["positive"]), shown(each["negative"])]
        for each in summary["operating_point"]["predictive_values"]
    ]
    words = (
        "<p class='note'>Sensitivity and specificity are taken to stay the same where the disease is rarer or "
        "commoner; "
        "predictive values are not.</p>"
    )
    tail = table(["prevalence", "", "positive predictive value", "negative predictive value"], values) + words
    return table(head, rows) + (tail if values else "")


def _referral(summary: dict[str, Any]) -> str:
    rows = []
    for at in summary["referral"]["by_budget"]:
        each = "; ".join(f"{c['class']} {shown({'value': c['coverage'], **c})}" for c in at["classes"])
        wrong = "-" if at["error_if_read"] is None else f"{100 * at['error_if_read']:.0f} %"
        rows.append([str(at["budget"]), each, f"{100 * at['referred']:.0f} %", wrong])
    if not rows:
        return "<p>Prediction sets need out-of-fold scores, which were not kept.</p>"
    words = (
        "<p class='note'>A set holds every class that cannot be ruled out; a case whose set is not one class goes to "
        "a "
        f"person. Wanted: the right class in the set of {100 * (1 - summary['referral']['alpha']):.0f} % of each "
        "class's "
        "patients, here and only where patients are like the labelled ones. Where a class has too few labelled "
        "patients "
        "it is never ruled out.</p>"
    )
    head = ["labels", "set holds the right class", "to a person", "wrong among the rest"]
    groups = [
        [each["attribute"], each["group"], f"{each['patients']:,}", shown({"value": each["coverage"], **each}),
         f"{100 * each['referred']:.0f} %"]
        for each in summary["referral"]["by_group"]
    ]  # fmt: skip
    tail = table(["attribute", "group", "patients", "set holds the right class", "to a person"], groups)
    return table(head, rows) + words + (tail if groups else "")


def _cases(summary: dict[str, Any]) -> str:
    cases = summary["cases"]
    if not cases["count"]:
        return "<p>None were proposed: that needs features of the labelled scans.</p>"
    return (
        f"<p>{cases['file']} in the run folder names {cases['count']} development scans, one per patient: "
        f"{cases['by_doubt']} whose label a model that never saw it contradicts although the case is easy, and "
        f"{cases['by_chance']} by chance, which tell how many labels are wrong. Test labels are not offered: the model "
        "under audit must not have a say in them. What to label next: workbench propose.</p>"
    )
