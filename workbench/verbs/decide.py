"""``workbench decide``: what people decide about the findings of a cohort; it can be undone, and it is written down."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, PrivateAttr

from workbench.cohort import decisions
from workbench.cohort.cohort import Cohort
from workbench.cohort.quality import closer_look, contact_sheet, report
from workbench.cohort.quality.finding import LEVELS, number_of
from workbench.config import Result, Settings
from workbench.errors import InputError
from workbench.runs.audit_log import log
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace

Action = Literal["list", "keep", "exclude", "include", "undo", "check", "sheet", "sign"]
KEYS = ("scans", "series", "studies", "patients")
SCOPES = {"scans": "scan", "series": "series", "studies": "study", "patients": "patient"}


class DecideSettings(Settings):
    """Which cohort, and what was decided about it."""

    cohort: str = Field(description="Name of the cohort.")
    action: Action = Field(
        "list",
        description="list shows findings and decisions; keep, exclude and include decide; undo takes a decision back; "
        "check compares look-alikes; sheet makes the contact sheet; sign signs it.",
    )
    finding: str = Field("", description="The finding that is decided: its code or its rule, as 'list' shows them.")
    scans: str = Field("", description="Scans by key, separated by commas; with sign: those that show a name.")
    series: str = Field("", description="Series by key, separated by commas.")
    studies: str = Field("", description="Studies by key, separated by commas.")
    patients: str = Field("", description="Patients by key, separated by commas.")
    reason: str = Field("", description="Why, in a few words, without any patient's name.")
    who: str = Field("", description="Who decided; the account's name when empty.")
    number: int = Field(0, ge=0, description="With undo: the number of the decision.")
    sign: str = Field("", description="Name of the person who looked through the whole contact sheet.")
    features: Path | None = Field(None, description="With check: features of the scans, as 'workbench embed' writes.")
    limit: int = Field(2000, ge=1, description="With sheet: suspects shown at most, the most telling first.")


class DecideResult(Result):
    """Findings, the journal, and what this call did."""

    cohort: str
    action: str
    decisions_needed: int
    findings: list[dict[str, object]]
    journal: list[dict[str, object]]
    usable_scans: int
    changed_scans: int = 0
    compared_pairs: int = 0
    sheet: str = ""
    _text: str = PrivateAttr("")

    def summary(self) -> str:
        """What was done, and what still waits for a decision."""
        return self._text


def decide(settings: DecideSettings, *, workspace: Workspace, progress: Progress | None = None) -> DecideResult:
    """List findings and decisions, or decide.

    Raises:
        InputError: The cohort, the finding, a key or a decision's number is unknown, or the words do not go together.
    """
    progress = progress or Progress(quiet=True)
    cohort = Cohort.open(workspace.cohort_dir(settings.cohort))
    action: Action = "sign" if settings.sign else settings.action
    before = int(cohort.usable().sum())
    found = report.write(cohort)
    said, compared, sheet = "", 0, ""
    if action == "undo":
        act = decisions.undo(cohort.folder, settings.number, reason=settings.reason or "undone", who=settings.who)
        said = f"Decision {act.number} ({act.reason}) was undone."
    elif action in ("keep", "exclude", "include"):
        said = _decide(cohort, found, settings, action)
    elif action == "check":
        features = _features(settings.features) if settings.features else None
        compared = closer_look.look(cohort, found.evidence, features, progress=progress)
        said = f"{number_of(compared, 'pair', 'was', 'were')} compared pixel by pixel."
    elif action == "sheet":
        made = contact_sheet.make(cohort, found.evidence, limit=settings.limit)
        sheet = str(made.file)
        said = _said_of(made, settings.cohort)
    elif action == "sign":
        said = _sign(cohort, found, settings)
    if action in ("undo", "keep", "exclude", "include", "sign"):
        who = settings.sign or settings.who or decisions.account()
        log(workspace, "sign-off" if action == "sign" else "decision", settings.cohort, who, action=action, said=said)
    if action != "list":
        cohort.refresh_hashes()
        found = report.write(cohort)
    after = int(cohort.usable().sum())
    result = DecideResult(
        cohort=settings.cohort,
        action=action,
        decisions_needed=found.numbers["decisions_needed"],
        findings=found.numbers["findings"],
        journal=[_plain(act) for act in decisions.acts(cohort.folder)],
        usable_scans=after,
        changed_scans=after - before,
        compared_pairs=compared,
        sheet=sheet,
    )
    result._text = "\n".join(filter(None, [said, *_listing(result, len(cohort.manifest), full=action == "list")]))
    return result


def _decide(cohort: Cohort, found: report.Report, settings: DecideSettings, action: str) -> str:
    given = {name: _keys(getattr(settings, name)) for name in KEYS}
    named = {name: keys for name, keys in given.items() if keys}
    if bool(settings.finding) == bool(named):
        raise InputError(
            "Say what is decided: a finding, or scans, series, studies or patients; not both.",
            todo=f"For instance: workbench decide {settings.cohort} {action} finding=CODE reason='...'",
        )
    if settings.finding:
        return _decide_finding(cohort, found, settings, action)
    if action == "keep":
        raise InputError("'keep' is said about a finding.", todo="Name it with finding=, or undo a decision.")
    for name, keys in named.items():
        cohort.decide(action, SCOPES[name], keys, reason=settings.reason, who=settings.who)
    number = sum(map(len, named.values()))
    return f"{number_of(number, 'key')} {'excluded' if action == 'exclude' else 'included'}."


def _decide_finding(cohort: Cohort, found: report.Report, settings: DecideSettings, action: str) -> str:
    finding = found.finding(settings.finding)
    if action not in finding.choices:
        raise InputError(
            f"About '{finding.code}' one cannot say '{action}'.",
            todo=f"One can say: {', '.join(finding.choices)}." if finding.choices else "There is nothing to decide.",
        )
    lines = [("confirm", "finding", finding.key)]
    if action != "keep":
        lines += [(action, "scan", scan) for scan in dict.fromkeys(finding.scans)]
    decisions.add_act(cohort.folder, lines, reason=settings.reason or f"{action} {finding.code}", who=settings.who)
    what = {"keep": "kept as it is", "exclude": "left out", "include": "used all the same"}[action]
    scans = f" ({number_of(len(lines) - 1, 'picture')})" if action != "keep" else ""
    return f"{finding.title}: {what}{scans}."


def _sign(cohort: Cohort, found: report.Report, settings: DecideSettings) -> str:
    if not settings.sign:
        raise InputError("A signature needs a name.", todo="Give it with sign='YOUR NAME'.")
    named = _keys(settings.scans)
    reason = settings.reason or ("looked through, names left out" if named else "looked through, no name found")
    digest, out = contact_sheet.sign(cohort, found.evidence, who=settings.sign, reason=reason, named=named)
    more = f" {number_of(out, 'picture', 'was', 'were')} left out." if out else ""
    return f"Contact sheet {digest} is signed by {settings.sign}.{more}"


def _said_of(sheet: contact_sheet.Sheet, cohort: str) -> str:
    lines = [
        f"Contact sheet {sheet.digest}: {number_of(sheet.suspects, 'suspect')} and {number_of(sheet.others, 'other')}.",
        f"Look through it: {sheet.file}",
        f"Then: workbench decide {cohort} sign='YOUR NAME' (and scans=S...,S... if a name stands on some)",
    ]
    if sheet.left_out:
        lines.insert(1, f"{sheet.left_out:,} further suspects are not on it; a larger limit= shows more.")
    if sheet.missing:
        lines.insert(1, f"{number_of(sheet.missing, 'picture')} could not be shown: their files are gone or damaged.")
    return "\n".join(lines)


def _features(file: Path) -> closer_look.Features:
    from workbench.evaluation.features import load

    found = load(file)
    return closer_look.Features.of(found.scan_id, found.features)


def _keys(text: str) -> list[str]:
    return [key for key in (part.strip() for part in text.replace(";", ",").split(",")) if key]


def _plain(act: decisions.Act) -> dict[str, object]:
    return {
        "number": act.number,
        "decisions": len(act.lines),
        "what": ", ".join(dict.fromkeys(f"{word} {scope}" for word, scope, _ in act.lines)),
        "reason": act.reason,
        "who": act.who,
        "when": act.when,
        "undone": act.undone,
    }


def _listing(result: DecideResult, scans: int, *, full: bool) -> list[str]:
    needed = result.decisions_needed
    lines = [
        f"{needed:,} {'needs' if needed == 1 else 'need'} your decision." if needed else "Nothing needs your decision.",
        f"{result.usable_scans:,} of {scans:,} pictures are usable"
        + (f" ({result.changed_scans:+,})." if result.changed_scans else "."),
    ]
    if not full:
        return lines
    for item in result.findings:
        decided = item["decided"]
        assert decided is None or isinstance(decided, dict)
        level = f"decided: {decided['what']}, {decided['who']}" if decided else LEVELS[str(item["level"])]
        lines.append(f"  {item['rule']:<6} {item['code']:<28} [{level}] {item['sentence']}")
    if result.journal:
        lines.append("Decisions:")
    for act in result.journal:
        state = " (undone)" if act["undone"] else ""
        lines.append(
            f"  {act['number']:>4}  {str(act['when'])[:16]}  {act['who']}: {act['what']}, {act['reason']}{state}"
        )
    return lines
