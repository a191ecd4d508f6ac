"""The fields of the card that the program fills in, each from the files that it read or wrote."""

from __future__ import annotations

from typing import Any

from workbench.errors import WorkbenchError
from workbench.release.privacy_signature import privacy_signature
from workbench.review import agreement, sign_off
from workbench.review.acknowledgement import latest_audit
from workbench.review.reviewed_model import CLASSIFIER, ReviewedModel, read_json
from workbench.runs.workspace import Workspace

FEW = 5
PLAIN_NAMES = {
    "auc": "ranking quality (AUC)", "average_precision": "average precision", "balanced_accuracy": "balanced accuracy",
    "log_loss": "log loss", "brier": "Brier score",
}  # fmt: skip
SHOWN = {"modality": "Kinds", "view_position": "Views", "body_part": "Body parts", "sex": "Sex", "scanner": "Scanners"}
NOT_STATED = "not stated"


def gather(workspace: Workspace, model: ReviewedModel) -> dict[str, str]:
    """Field name to Markdown; what is not known is left out."""
    folder = workspace.cohort_dir(model.cohort) if model.cohort else None
    intake = read_json(folder / "intake.json") if folder else {}
    texts = {
        "model": _model(model),
        "question": _question(model),
        "data": _data(model, intake),
        "de_identification": _privacy(workspace, model),
        "pool": _pool(model),
        "training": _training(model),
        "limits": _limits(model),
        "not_tested": _not_tested(model, intake),
    }
    if model.kind == CLASSIFIER:
        texts |= {
            "labels": _labels(workspace, model),
            "evaluation": _evaluation(model),
            "groups": _groups(workspace, model),
            "review": _review(workspace, model),
        }
    return {name: text for name, text in texts.items() if text}


def _model(model: ReviewedModel) -> str:
    encoder = model.facts.get("encoder", model.facts)
    sides = (
        f"{encoder.get('size', '?')} x {encoder.get('size', '?')} pixels, {encoder.get('in_channels', 1)} channel(s)"
    )
    what = "a linear layer on the features of" if model.kind == CLASSIFIER else "an encoder:"
    lines = [
        f"Run `{model.run_id}`: {what} {encoder.get('architecture', 'a network')}, for pictures of {sides}, values "
        "from 0 to 1.",
        f"Weights SHA-256 `{model.digest}`.",
    ]
    made = str(model.facts.get("created") or "")
    return "\n\n".join([*lines, *([f"Made {made[:10]}."] if made else [])])


def _question(model: ReviewedModel) -> str:
    if model.kind != CLASSIFIER:
        return ""
    each = {"multilabel": "each present or absent", "ordinal": "ordered, one is right"}.get(model.task, "one is right")
    return f"{', '.join(model.classes)} ({each}); one answer per {model.facts.get('unit', 'scan')}."


def _data(model: ReviewedModel, intake: dict[str, Any]) -> str:
    totals = intake.get("totals", {})
    if not totals:
        return ""
    lines = [
        f"Cohort `{model.cohort}`, version `{model.facts.get('cohort_version', '?')}`: {totals.get('scans', 0):,} "
        f"pictures of {totals.get('patients', 0):,} patients in {totals.get('studies', 0):,} exams.",
        f"{totals.get('seen', 0):,} files seen = {totals.get('used', 0):,} used "
        f"+ {totals.get('refused', 0):,} refused.",
    ]
    for name, title in SHOWN.items():
        counts = intake.get("distributions", {}).get(name)
        if counts:
            lines.append(f"- {title}: {', '.join(f'{value} {_at_least(n)}' for value, n in counts.items())}")
    return "\n".join([lines[0], "", lines[1], "", *lines[2:]])


def _privacy(workspace: Workspace, model: ReviewedModel) -> str:
    act = privacy_signature(workspace, model)
    said = (
        "Patients, exams and pictures have keyed hashes for names; no name, number, birth date or path of a file is "
        "in the model's files."
    )
    return f"{said} Contact sheet looked through and signed by {act.who}, {act.when[:10]}." if act else said


def _pool(model: ReviewedModel) -> str:
    facts = model.facts.get("source_facts") if model.kind == CLASSIFIER else model.facts
    if not facts or not facts.get("pool_digest"):
        source = model.facts.get("source", "random weights")
        return f"Nothing here: it started from {source}, whose own training pictures are not known to this program."
    text = (
        f"{facts.get('pool_scans', 0):,} unlabelled pictures of cohort `{facts.get('cohort', '?')}` by "
        f"{facts.get('method', '?')} (run `{facts.get('run_id', '?')}`), pool `{facts['pool_digest']}`. Test patients "
        "were set aside before."
    )
    return f"{text} {model.facts['pool']}" if model.facts.get("pool") else text


def _labels(workspace: Workspace, model: ReviewedModel) -> str:
    from workbench.cohort.labels import Labels

    version = str(model.facts.get("labels", ""))
    try:
        labels = Labels.read(workspace.cohort_dir(model.cohort), version)
    except WorkbenchError:
        return ""
    counts = ", ".join(f"{name} {_at_least(number)}" for name, number in labels.counts().items())
    units = {"path": "picture", "sop": "picture", "series": "series", "study": "exam", "patient": "patient"}
    lines = [f"Version `{labels.version}`, one row per {units.get(labels.unit, labels.unit)}: {counts} pictures."]
    if labels.report.get("rows"):
        rows = labels.report["rows"]
        lines.append(f"{labels.report.get('rows_joined', rows):,} of {rows:,} rows joined.")
    if labels.report.get("readers"):
        said = labels.report
        changes = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in said.get("review_counts", {}).items())
        lines.append(f"Version `{said['reviewed_from']}` corrected by review `{said['review_queue']}` ({changes}).")
    return " ".join(lines)


def _training(model: ReviewedModel) -> str:
    facts, settings = model.facts, model.settings
    if model.kind == CLASSIFIER:
        result = model.json("result.json")
        how = {"probe": "A linear probe on frozen features", "finetune": "Fine-tuned end to end"}
        first = (
            f"{how.get(str(facts.get('method')), str(facts.get('method')))} of `{facts.get('source', '?')}`, on "
            f"{facts.get('budget_scans', 0):,} labelled pictures of {result.get('n_patients', 0):,} patients."
        )
    else:
        first = (
            f"{facts.get('method', '?')}, {facts.get('epochs', '?')} passes, {facts.get('steps', '?')} steps. "
            f"{facts.get('collapse', '')}"
        )
    lines = [
        first.strip(),
        f"Settings `{facts.get('settings_digest', '?')}`, store `{facts.get('store_digest', '?')}`.",
    ]
    if "seed" in settings:
        lines.append(f"Seed {settings['seed']}.")
    versions = facts.get("versions") or facts.get("source_facts", {}).get("versions") or {}
    if versions:
        lines.append(f"Made with {', '.join(f'{name} {version}' for name, version in versions.items())}.")
    return " ".join(lines)


def _evaluation(model: ReviewedModel) -> str:
    if not model.metrics:
        return ""
    result = model.json("result.json")
    lines = [
        f"Tested once, on {result.get('test_scans', 0):,} pictures of {result.get('test_patients', 0):,} patients who "
        "were set aside before anybody labelled. Intervals are of 95 %, clustered by patient.",
        "",
        "| figure | value | 95 % interval | patients |",
        "|---|---|---|---|",
    ]
    for name, entry in model.metrics.items():
        value = "cannot be told" if entry.get("value") is None else f"{entry['value']:.3f}"
        interval = "none" if entry.get("low") is None else f"{entry['low']:.3f} to {entry['high']:.3f}"
        title = PLAIN_NAMES.get(name, name.replace("_", " "))
        lines.append(f"| {title} | {value} | {interval} | {entry.get('n_patients', 0):,} |")
    return "\n".join(lines)


def _groups(workspace: Workspace, model: ReviewedModel) -> str:
    audit = latest_audit(workspace, model)
    if audit is None:
        return ""
    figures = audit.figures()
    read = f"Read by {audit.read.who}, {audit.read.at[:10]}." if audit.read else "Nobody has said that they read it."
    lines = [str(figures.get("verdict", ""))]
    lines += [str(each.get("verdict", {}).get("sentence", "")) for each in figures.get("attributes", [])]
    skipped = [str(each.get("name", "")) for each in figures.get("skipped", []) if isinstance(each, dict)]
    lines += [f"Not judged: {', '.join(name for name in skipped if name)}."] if any(skipped) else []
    lines += [str(warning) for warning in figures.get("warnings", [])]
    shown = [f"- {line}" for line in dict.fromkeys(lines) if line]
    return "\n".join([f"Audit `{audit.folder.name}`. {read}", "", *shown]).strip()


def _review(workspace: Workspace, model: ReviewedModel) -> str:
    try:
        found = sign_off.standing(workspace, model.digest)
    except WorkbenchError as error:
        return error.what
    if found.record is None:
        return ""
    said = sign_off.told(found.record)
    text = f"{said['who']} ({said['role']}), {said['when']}: {said['meaning']}; {said['verdicts']} verdicts. "
    lines = agreement.in_words(found.record.content["figures"])
    return text + found.why + "\n\n" + "\n".join(f"- {line}" for line in lines)


def _limits(model: ReviewedModel) -> str:
    lines = ["For research. Not a medical device; not for diagnosis."]
    notes = dict.fromkeys(str(entry["note"]) for entry in model.metrics.values() if entry.get("note"))
    lines += [f"The test's figures: {note}." for note in notes]
    sensitivity = model.metrics.get("sensitivity", {})
    if model.kind == CLASSIFIER and sensitivity.get("value") is None:
        lines.append("No threshold was set, so sensitivity and specificity are not known.")
    elif sensitivity.get("value") is not None:
        lines.append(f"At its threshold it misses {100 * (1 - sensitivity['value']):.0f} of 100 that have the finding.")
    if model.facts.get("pool"):
        lines.append(str(model.facts["pool"]))
    return "\n".join(f"- {line}" for line in lines)


def _not_tested(model: ReviewedModel, intake: dict[str, Any]) -> str:
    lines = ["Use in practice: nothing was tested forward in time, or on what readers do with its answers."]
    found = intake.get("distributions", {})
    sites = [name for name in found.get("site", {}) if name != NOT_STATED]
    if len(sites) < 2:
        lines.append(
            f"Other hospitals: {'the pictures name no site' if not sites else 'all pictures are of one site'}."
        )
    for name, what in (("scanner", "scanners"), ("modality", "kinds of pictures"), ("view_position", "views")):
        values = [value for value in found.get(name, {}) if value != NOT_STATED]
        if values:
            lines.append(
                f"Other {what} than {', '.join(values[:8])}{' and others listed above' if values[8:] else ''}."
            )
    if intake.get("missing", {}).get("age_years"):
        lines.append(f"Ages: not stated for {_at_least(intake['missing']['age_years'])} pictures.")
    if model.kind == CLASSIFIER:
        lines.append("Another share of patients with the finding than in the test; predictive values change with it.")
    else:
        lines.append("Any question about patients: an encoder gives no answers, and was tested on none.")
    return "\n".join(f"- {line}" for line in lines)


def _at_least(number: int) -> str:
    """A count, small ones hidden."""
    return f"<{FEW}" if 0 < number < FEW else f"{number:,}"
