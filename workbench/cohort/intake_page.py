"""The intake report for people: one HTML file, figures first, nothing loaded from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from workbench.cohort.intake import headline

TITLES = {
    "modality": "Modality",
    "view_position": "View",
    "scanner": "Scanner",
    "bits_stored": "Bit depth",
    "body_part": "Body part",
    "sex": "Sex",
    "site": "Site",
    "photometric": "Photometric interpretation",
}
LEVELS = {"stop": "needs your decision", "warn": "worth a look", "note": "for your information"}
STYLE = """
:root { color-scheme: light dark; --ink: #1c2733; --soft: #5b6b7b; --bar: #2f6f9f; --stop: #b3261e; --paper: #fff;
  --line: #d9e0e7; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9fb0c0; --bar: #6fb1df; --stop: #ff8a80;
  --paper: #12181f; --line: #2b3641; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.3; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); gap: 1.5rem 2.5rem; }
figure { margin: 0; } figcaption { font-weight: 600; margin-bottom: .4rem; }
.row { display: grid; grid-template-columns: 9rem 1fr 4.5rem; gap: .6rem; align-items: center; font-size: .9rem; }
.row span:first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.row span:last-child { text-align: right; font-variant-numeric: tabular-nums; }
.bar { background: var(--bar); height: .8rem; border-radius: 2px; min-width: 2px; } .refused .bar { opacity: .45; }
table { border-collapse: collapse; width: 100%; font-size: .95rem; }
td, th { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; } .stop { color: var(--stop); font-weight: 600; }
p.soft, caption { color: var(--soft); text-align: left; }
"""


def page(
    cohort: str, numbers: dict[str, Any], *, sentence: Callable[[str], str], is_used: Callable[[str], bool]
) -> str:
    """The report as one HTML document.

    Args:
        cohort: The cohort's name.
        numbers: What ``intake.gather`` found.
        sentence: The plain sentence of an outcome code.
        is_used: Whether an outcome code stands for a used file.
    """
    totals = numbers["totals"]
    counted = (
        f"{totals['seen']:,} files seen = {totals['used']:,} used + {totals['refused']:,} refused. "
        f"{totals['series']:,} series in {totals['studies']:,} studies. "
        f"{numbers['test_patients']:,} of {totals['patients']:,} patients are set aside as the test set."
    )
    figures = [_figure("Files by outcome", totals["outcomes"], is_used)]
    if totals["member_outcomes"]:
        figures.append(_figure("Files inside archives by outcome", totals["member_outcomes"], is_used))
    for name, title in TITLES.items():
        counts = numbers["distributions"].get(name, {})
        if counts and set(counts) != {"not stated"}:
            figures.append(_figure(f"Pictures by {title[0].lower()}{title[1:]}", counts))
    parts = [
        f"<h1>{_safe(headline(numbers))}</h1>",
        f"<p class=soft>Cohort {_safe(cohort)}. {_safe(counted)}</p>",
        "<section class=figures>" + "".join(figures) + "</section>",
        _findings_table(numbers["findings"]),
        _outcomes_table(totals, sentence, is_used),
        _privacy_table(numbers["privacy"]),
    ]
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Intake of {_safe(cohort)}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _figure(title: str, counts: dict[str, int], is_used: Callable[[str], bool] | None = None) -> str:
    largest = max(counts.values(), default=1)
    rows = []
    for name, number in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        kind = "row refused" if is_used and not is_used(name) else "row"
        rows.append(
            f"<div class='{kind}'><span title='{_safe(name)}'>{_safe(name)}</span>"
            f"<div class=bar style='width:{100 * number / largest:.1f}%'></div><span>{number:,}</span></div>"
        )
    return f"<figure><figcaption>{_safe(title)}</figcaption>{''.join(rows)}</figure>"


def _findings_table(findings: list[dict[str, Any]]) -> str:
    if not findings:
        return "<h2>Findings</h2><p>None.</p>"
    order = list(LEVELS)
    rows = "".join(
        f"<tr><td class='{item['level']}'>{LEVELS[item['level']]}</td><td class=n>{item['count']:,}</td>"
        f"<td>{_safe(item['sentence'])}</td></tr>"
        for item in sorted(findings, key=lambda item: order.index(item["level"]))
    )
    return f"<h2>Findings</h2><table>{rows}</table>"


def _outcomes_table(totals: dict[str, Any], sentence: Callable[[str], str], is_used: Callable[[str], bool]) -> str:
    counts: dict[str, int] = dict(totals["outcomes"])
    for code, number in totals["member_outcomes"].items():
        counts[code] = counts.get(code, 0) + number
    rows = "".join(
        f"<tr><td>{_safe(code)}</td><td class=n>{number:,}</td><td>{'used' if is_used(code) else 'refused'}</td>"
        f"<td>{_safe(sentence(code))}</td></tr>"
        for code, number in sorted(counts.items(), key=lambda item: (not is_used(item[0]), -item[1]))
    )
    head = "<tr><th>Outcome</th><th>Files</th><th></th><th>What it means</th></tr>"
    return f"<h2>What became of each file</h2><table>{head}{rows}</table>"


def _privacy_table(privacy: dict[str, str]) -> str:
    rows = "".join(f"<tr><td>{_safe(name)}</td><td>{_safe(text)}</td></tr>" for name, text in privacy.items())
    return f"<h2>What was read from the headers, and what was done with it</h2><table>{rows}</table>"


def _safe(text: object) -> str:
    return html.escape(str(text), quote=True)
