"""The intake report for people: one HTML file, figures first, nothing loaded from elsewhere.

Colours are those of Okabe and Ito, which colour-blind people tell apart; nothing is told by colour alone. It prints.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.cohort import outcome_words
from workbench.cohort.accounting import CONTAINERS
from workbench.cohort.decisions import Act
from workbench.cohort.intake import headline
from workbench.cohort.quality.finding import CHOICES, LEVELS, number_of

TITLES = {
    "modality": "Modality",
    "body_part": "Body part",
    "view_position": "View",
    "sex": "Sex",
    "age": "Age in years",
    "size": "Longer side in pixels",
    "bits_stored": "Bit depth",
    "photometric": "Photometric interpretation",
    "site": "Site",
    "scanner": "Scanner",
}
SIGNS = {"stop": "■", "warn": "▲", "exclude": "●", "note": "○"}
DECIDED = {"keep": "kept as it is", "exclude": "left out", "include": "used all the same", "sign": "looked through"}
BARS = 12
LAST_ACTS = 20
Examples = Mapping[str, Sequence[tuple[str, str, str]]]

STYLE = """
:root { color-scheme: light; --ink: #1c2733; --soft: #566575; --line: #d5dde5; --used: #0072B2; --refused: #E69F00;
  --stop: #B34A00; --warn: #8A5A00; --exclude: #0072B2; --note: #566575; --paper: #fff; --card: #f6f8fa; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 66rem;
  margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.45rem; line-height: 1.25; margin: 0 0 .4rem; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .8rem; }
h3 { font-size: 1rem; margin: 0; } p { margin: .3rem 0; } .soft { color: var(--soft); }
code { background: #e9eef3; padding: 0 .25rem; border-radius: 3px; font-size: .88em; overflow-wrap: anywhere; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: 1.4rem 2.2rem; }
.figures figure { margin: 0; break-inside: avoid; }
.figures figcaption { font-weight: 600; margin-bottom: .35rem; }
.row { display: grid; grid-template-columns: minmax(4rem, 9rem) 1fr 3.4rem; gap: .6rem; align-items: center;
  font-size: .88rem; line-height: 1.45; }
.row span:first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.row span:last-child { text-align: right; font-variant-numeric: tabular-nums; }
.bar { background: var(--used); height: .75rem; border-radius: 2px; min-width: 2px; }
.refused .bar { background: repeating-linear-gradient(45deg, var(--refused) 0 4px, #fff 4px 7px);
  border: 1px solid var(--refused); }
.finding { border: 1px solid var(--line); border-left: .45rem solid var(--note); border-radius: 4px;
  background: var(--card); padding: .7rem .9rem; margin: 0 0 .8rem; break-inside: avoid; }
.finding.stop { border-left-color: var(--stop); } .finding.warn { border-left-color: #E69F00; }
.finding.exclude { border-left-color: var(--exclude); } .finding.done { border-left-style: double; }
.finding header { display: flex; gap: .8rem; align-items: baseline; flex-wrap: wrap; }
.level { font-size: .85rem; font-weight: 600; white-space: nowrap; } .stop .level { color: var(--stop); }
.warn .level { color: var(--warn); } .exclude .level { color: var(--exclude); } .note .level { color: var(--note); }
.finding .where { margin-left: auto; font-size: .85rem; }
.thumbs { display: flex; flex-wrap: wrap; gap: .5rem; margin-top: .5rem; }
.thumbs figure { margin: 0; width: 7rem; } .thumbs img { width: 7rem; height: 7rem; object-fit: contain;
  background: #000; display: block; border-radius: 2px; }
.thumbs figcaption { font-size: .68rem; line-height: 1.25; color: var(--soft); overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
td, th { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; padding-right: 1.2rem; white-space: nowrap; }
details summary { cursor: pointer; font-weight: 600; margin: .4rem 0; }
@media print { body { margin: 0; max-width: none; font-size: 11pt; } .finding, .figures figure { break-inside: avoid; }
  .bar, .thumbs img, .finding { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  a { color: inherit; text-decoration: none; } }
"""


def page(cohort: str, numbers: dict[str, Any], *, acts: Sequence[Act] = (), examples: Examples | None = None) -> str:
    """The report as one HTML document.

    Args:
        cohort: The cohort's name.
        numbers: What ``intake.gather`` counted and ``quality.report`` found.
        acts: The journal of decisions.
        examples: By finding's code, pictures as ``(scan id, detail, data address)``.
    """
    open_ones = [item for item in numbers["findings"] if not item.get("decided")]
    parts = [
        f"<h1>{_safe(headline(numbers))}</h1>",
        f"<p class=soft>Cohort {_safe(cohort)}. {_safe(_counted(numbers))}</p>",
        f"<section class=figures>{''.join(_figures(numbers))}</section>",
        _the_same_everywhere(numbers["distributions"]),
        _findings("Findings", open_ones, cohort, examples or {}),
    ]
    settled = [item for item in numbers["findings"] if item.get("decided")]
    if settled:
        parts.append(_findings("Decided", settled, cohort, examples or {}))
    parts += [
        _outcomes_table(numbers["totals"]),
        _journal(acts, cohort),
        _privacy(numbers["privacy"], numbers.get("contact_sheet") or {}, cohort),
    ]
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Intake of {_safe(cohort)}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _counted(numbers: dict[str, Any]) -> str:
    totals = numbers["totals"]
    text = (
        f"{totals['seen']:,} files seen = {totals['used']:,} used + {totals['refused']:,} refused. "
        f"{totals['series']:,} series in {totals['studies']:,} studies"
        + (f", {number_of(totals['volumes'], 'volume')}" if totals.get("volumes") else "")
        + f". {numbers['test_patients']:,} of {totals['patients']:,} patients are set aside as the test set."
    )
    if totals["member_outcomes"]:
        text += (
            f" Inside archives: {totals['member_seen']:,} files = {totals['member_used']:,} used + "
            f"{totals['member_refused']:,} refused."
        )
    return text


def _figures(numbers: dict[str, Any]) -> list[str]:
    totals = numbers["totals"]
    figures = [_figure("Files by outcome", totals["outcomes"], by_outcome=True)]
    if totals["member_outcomes"]:
        figures.append(_figure("Files inside archives by outcome", totals["member_outcomes"], by_outcome=True))
    for name, title in TITLES.items():
        counts = numbers["distributions"].get(name, {})
        if len(counts) > 1:
            ordered = name in ("age", "size")
            figures.append(_figure(f"Pictures by {title[0].lower()}{title[1:]}", counts, ordered=ordered))
    return figures


def _the_same_everywhere(distributions: dict[str, dict[str, int]]) -> str:
    """What needs no figure, because all pictures agree."""
    same = [
        f"{title[0].lower()}{title[1:]} {next(iter(distributions[name]))}"
        for name, title in TITLES.items()
        if len(distributions.get(name, {})) == 1 and "not stated" not in distributions[name]
    ]
    return f"<p class=soft>The same for all pictures: {_safe('; '.join(same))}.</p>" if same else ""


def _figure(title: str, counts: dict[str, int], *, by_outcome: bool = False, ordered: bool = False) -> str:
    largest = max(counts.values(), default=1)
    entries = list(counts.items()) if ordered else sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown, rest = entries[:BARS], entries[BARS:]
    rows, spoken = [], []
    for name, number in shown:
        refused = by_outcome and not outcome_words.is_used(name)
        title_text = f"{name}: {outcome_words.sentence(name)}" if by_outcome else name
        rows.append(
            f"<div class='row{' refused' if refused else ''}'><span title='{_safe(title_text)}'>{_safe(name)}</span>"
            f"<div class=bar style='width:{100 * number / largest:.1f}%'></div><span>{number:,}</span></div>"
        )
        spoken.append(f"{name}{' (refused)' if refused else ''} {number:,}")
    more = f"<p class=soft>and {len(rest):,} more: {number_of(sum(n for _, n in rest), 'picture')}</p>" if rest else ""
    if by_outcome and any("(refused)" in words for words in spoken):
        more += "<p class=soft>Striped: refused.</p>"
    words = _safe(f"{title}: {', '.join(spoken)}")
    return (
        f"<figure><figcaption>{_safe(title)}</figcaption><div role=img aria-label='{words}'>{''.join(rows)}</div>"
        f"{more}</figure>"
    )


def _findings(title: str, findings: list[dict[str, Any]], cohort: str, examples: Examples) -> str:
    if not findings:
        return f"<h2>{title}</h2><p>None.</p>"
    return f"<h2>{title}</h2>" + "".join(_finding(item, cohort, examples.get(item["code"], ())) for item in findings)


def _finding(item: dict[str, Any], cohort: str, examples: Sequence[tuple[str, str, str]]) -> str:
    decided = item.get("decided")
    level = item["level"]
    lines = [f"<p>{_safe(item['sentence'])}</p>"]
    if decided:
        lines.append(
            f"<p><b>Decided: {DECIDED[decided['what']]}</b>, by {_safe(decided['who'])} on {_safe(decided['when'])} "
            f"({_safe(decided['why'])}).</p>"
        )
    elif item.get("default") or item.get("choices"):
        choices = "; ".join(
            f"<code>workbench decide {_safe(cohort)} {choice} finding={_safe(item['code'])}</code> to {CHOICES[choice]}"
            for choice in item.get("choices", ())
        )
        asked = f" Say {choices}." if choices and level in ("stop", "warn", "exclude") else ""
        before = "Until somebody decides: " if level == "stop" else ""
        default = _safe(item.get("default", ""))
        lines.append(f"<p class=soft>{before}{default[:1].lower() + default[1:] if before else default}{asked}</p>")
    if examples:
        pictures = "".join(
            f"<figure><img src='{address}' alt='{_safe(item['title'])}, picture {_safe(scan)}'>"
            f"<figcaption>{_safe(detail) or _safe(scan)}</figcaption></figure>"
            for scan, detail, address in examples
        )
        lines.append(f"<div class=thumbs>{pictures}</div>")
    number = f"list of {number_of(item['scans'], 'picture')}" if item["scans"] else "list of files"
    listed = f"<a href='{_safe(item['list'])}'>{number}</a>" if item.get("list") else ""
    return (
        f"<article class='finding {level}{' done' if decided else ''}'><header><span class=level>{SIGNS[level]} "
        f"{LEVELS[level] if not decided else 'decided'}</span><h3>{_safe(item['title'])}</h3>"
        f"<span class='where soft'>{_safe(item['rule'])} {listed}</span></header>{''.join(lines)}</article>"
    )


def _outcomes_table(totals: dict[str, Any]) -> str:
    counts: dict[str, int] = dict(totals["outcomes"])
    for code, number in totals["member_outcomes"].items():
        counts[code] = counts.get(code, 0) + number
    rows = "".join(
        f"<tr><td>{_safe(code)}</td><td class=n>{number:,}</td>"
        f"<td>{_state(code)}</td>"
        f"<td>{_safe(outcome_words.sentence(code))}</td></tr>"
        for code, number in sorted(counts.items(), key=lambda item: (not outcome_words.is_used(item[0]), -item[1]))
    )
    head = "<tr><th>Outcome</th><th class=n>Files</th><th></th><th>What it means</th></tr>"
    return f"<h2>What became of each file</h2><table>{head}{rows}</table>"


def _state(code: str) -> str:
    """Whether a code counts as used; containers count as their content does."""
    if code in CONTAINERS:
        return "used if any of its files is"
    return "used" if outcome_words.is_used(code) else "refused"


def _journal(acts: Sequence[Act], cohort: str) -> str:
    if not acts:
        return "<h2>Decisions</h2><p>Nothing was decided yet.</p>"
    rows = []
    for act in list(acts)[-LAST_ACTS:][::-1]:
        what: dict[tuple[str, str], int] = {}
        for word, scope, _ in act.lines:
            what[(word, scope)] = what.get((word, scope), 0) + 1
        said = ", ".join(f"{word} {number:,} x {scope}" if number > 1 else f"{word} {scope}"
                         for (word, scope), number in what.items())  # fmt: skip
        state = " (undone)" if act.undone else ""
        rows.append(
            f"<tr><td class=n>{act.number}</td><td>{_safe(said)}{state}</td><td>{_safe(act.reason)}</td>"
            f"<td>{_safe(act.who)}</td><td>{_safe(act.when[:16].replace('T', ' '))}</td></tr>"
        )
    head = "<tr><th class=n>Number</th><th>What</th><th>Why</th><th>Who</th><th>When (UTC)</th></tr>"
    undo = f"<p class=soft>Undo one with <code>workbench decide {_safe(cohort)} undo number=N</code>.</p>"
    return f"<h2>Decisions</h2><table>{head}{''.join(rows)}</table>{undo}"


def _privacy(privacy: dict[str, Any], sheet: dict[str, Any], cohort: str) -> str:
    suspects = sheet.get("suspects", 0)
    signed = (
        f"The contact sheet was last signed by {_safe(sheet['signed_by'])} on {_safe(sheet['signed_when'])}."
        if sheet.get("signed_by")
        else f"Nobody has signed a contact sheet yet: <code>workbench decide {_safe(cohort)} sheet</code> makes it."
    )
    kinds = {"kept": "kept as it is", "transformed": "kept in another form", "read once": "looked at"}
    rows = "".join(
        f"<tr><td>{_safe(entry['attribute'])}</td><td>{kinds[entry['done']]}</td><td>{_safe(entry['how'])}</td>"
        f"<td class=n>{'' if entry['scans'] is None else format(entry['scans'], ',')}</td></tr>"
        for kind in kinds
        for entry in privacy.get("attributes", ())
        if entry["done"] == kind
    )
    others = sum(entry["done"] == "picture" for entry in privacy.get("attributes", ()))
    head = "<tr><th>Attribute</th><th>What is done</th><th>How</th><th class=n>Pictures</th></tr>"
    return (
        f"<h2>Privacy</h2><p>{suspects:,} pictures may carry text. {signed} That no sign of text was found proves "
        f"nothing.</p><p>Never kept: {_safe(privacy.get('never', ''))}.</p>"
        "<details><summary>Which attributes were read, and what was done with each</summary>"
        f"<table>{head}{rows}</table><p class=soft>{others} further attributes describe how the picture is stored, "
        "scaled and placed.</p></details>"
    )


def _safe(text: object) -> str:
    return html.escape(str(text), quote=True)
