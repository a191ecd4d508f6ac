"""``report.html``: the answer first, then the evidence; one file, no network, readable on paper."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from workbench.study.cautions import in_sentences
from workbench.study.curves import PROTOCOLS, curve_name
from workbench.study.figures import COLOURS, METRIC, axis_of, caption, curve_lines, shown_with, styles

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.5rem;margin-bottom:.2rem} h2{font-size:1.15rem;margin-top:2.2rem;border-bottom:1px solid #ccc}
.verdict{font-size:1.2rem;border-left:.4rem solid #0072B2;padding:.4rem 1rem;background:#f2f7fb}
.warning{border-left:.4rem solid #D55E00;padding:.2rem 1rem;background:#fdf4ee;margin:.5rem 0}
table{border-collapse:collapse;font-size:.86rem;width:100%} th,td{text-align:right;padding:.22rem .5rem}
th{border-bottom:2px solid #666} td{border-bottom:1px solid #ddd} th:nth-child(-n+3),td:nth-child(-n+3){text-align:left}
figure{margin:1rem 0} figcaption,.note{font-size:.85rem;color:#444} svg{max-width:100%;height:auto}
.foot{margin-top:3rem;font-size:.8rem;color:#555} @media print{body{margin:0;max-width:none} .plot{display:none}}
"""


def write_report(summary: dict[str, Any], folder: Path, *, title: str) -> Path:
    """Write the report beside the figures that ``draw_figures`` left in ``folder/figures``."""
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p class='note'>{escape(_question(summary))}</p>",
        f"<p class='verdict'>{escape(summary['verdict'])}</p>",
        *(f"<p class='note'>{escape(words)}</p>" for words in compared_with(summary)),
        *(f"<p class='warning'>{escape(warning)}</p>" for warning in _warnings(summary)),
        "<h2>The curve</h2>",
        f"<div class='plot'>{interactive(summary)}</div>",
        _picture(folder / "figures" / "curve.svg", caption(summary)),
        "<h2>The difference to the reference</h2>",
        _picture(folder / "figures" / "difference.svg", ""),
        "<h2>Labels saved</h2>",
        _saved(summary),
        "<h2>With more labels</h2>",
        _ahead(summary),
        "<h2>What would change our mind</h2>",
        _detectable(summary),
        "<h2>All points</h2>",
        _points(summary),
        _not_run(summary),
        "<h2>How it was done</h2>",
        f"<p>{escape(methods(summary))}</p>",
        "<p class='foot'>For research. Not a medical device; not for diagnosis.</p>",
    ]
    page = (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width,initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )
    file = folder / "report.html"
    file.write_text(page, encoding="utf-8")
    return file


def interactive(summary: dict[str, Any]) -> str:
    """The curves as a Plotly figure with its library inside, for hovering."""
    import plotly.graph_objects as go
    from plotly.io import to_html

    style = styles(summary)
    dashes = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
    symbols = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x")
    headline = summary["headline_protocol"]
    beside = shown_with(summary, headline)
    figure = go.Figure()
    for (arm, protocol), points in curve_lines(summary).items():
        order = COLOURS.index(style[arm][0])
        y = [point["value"] for point in points]
        figure.add_trace(
            go.Scatter(
                x=[point["n"] for point in points],
                y=y,
                error_y={
                    "array": [point["high"] - point["value"] for point in points],
                    "arrayminus": [point["value"] - point["low"] for point in points],
                    "thickness": 1,
                },
                name=f"{arm}, {PROTOCOLS[protocol]}",
                mode="lines+markers",
                line={"color": style[arm][0], "dash": dashes[list(PROTOCOLS).index(protocol)]},
                marker={"symbol": symbols[order % len(symbols)], "size": 8},
                visible=True if protocol == headline or (arm, protocol) in beside else "legendonly",
                customdata=[[point["low"], point["high"], point["draws"], point["n_patients"]] for point in points],
                hovertemplate="%{x:,.0f} labels: %{y:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f})<br>"
                "%{customdata[2]} draws, %{customdata[3]:,.0f} patients<extra>%{fullData.name}</extra>",
            )
        )
    ticks = sorted({round(point["n"]) for point in summary["curve"]})
    figure.update_layout(
        template="simple_white",
        height=460,
        margin={"l": 60, "r": 20, "t": 20, "b": 50},
        xaxis={"type": "log", "title": axis_of(summary), "tickvals": ticks, "ticktext": [f"{n:,}" for n in ticks]},
        yaxis={"title": METRIC},
        legend={"title": "Click to show or hide"},
    )
    return to_html(figure, include_plotlyjs=True, full_html=False, config={"displaylogo": False})


def methods(summary: dict[str, Any]) -> str:
    """A methods paragraph from the study's own facts."""
    test, development = summary["test"], summary["development"]
    protocols = ", ".join(PROTOCOLS[name] for name in dict.fromkeys(point["protocol"] for point in summary["curve"]))
    headline = PROTOCOLS[summary["headline_protocol"]]
    return (
        f"Test patients were reserved before labelling; {development['patients']:,} development patients "
        f"({development['scans']:,} scans) and {test['patients']:,} test patients ({test['scans']:,} scans) have "
        "labels, and no patient or identical image is on both sides. Labelled sets are stratified, nested across "
        f"budgets and shared by all arms. Protocols: {protocols}. Penalties and neighbours were chosen inside each "
        "labelled set by cross-validation grouped by patient; features are standardised by the development scans. "
        "AUCs (macro one-vs-rest for several classes) are averaged over draws; their joint covariance adds the "
        "sampling of test patients (DeLong placements, clustered by patient), of draws, and of the pool from which "
        "draws are made. Differences are paired. The verdict rests on the difference of the areas under the curves "
        "over the logarithm of the labels, with Student's t, Satterthwaite's degrees of freedom, and Holm's "
        f"correction over the arms of the headline protocol ({headline}), which was named before the study ran; a "
        f"difference of {summary['margin']:g} is taken to matter. Labels saved come from monotone curves, "
        "interpolated linearly in the inverse root of the labels, with an interval-censored parametric bootstrap. "
        "A claim is about these checkpoints, not about a method."
    )


def compared_with(summary: dict[str, Any]) -> list[str]:
    """In words, what each curve of the headline is compared with."""
    kinds = {arm["name"]: arm["kind"] for arm in summary["arms"]}
    said = []
    for found in (found for found in summary["comparisons"] if found["primary"]):
        words = {
            "scratch": "the same architecture trained end to end from random weights on the same labels",
            "random": "random features: the same architecture with random weights, frozen. That is not training from "
            "scratch",
        }.get(kinds.get(found["reference"], ""), "")
        told = f"{curve_name(found['arm'], found['protocol'])} is compared with "
        told += curve_name(found["reference"], found["reference_protocol"])
        said.append(f"{told}: {words}." if words else f"{told}.")
    return said


def _question(summary: dict[str, Any]) -> str:
    return (
        f"Cohort {summary['cohort']}, labels {summary['labels_version']} ({', '.join(summary['classes'])}); answers "
        f"per {summary['unit']}. How many labels are needed, and did pretraining save any?"
    )


def _warnings(summary: dict[str, Any]) -> list[str]:
    own = in_sentences([found for found in summary["comparisons"] if found["primary"]])
    return list(dict.fromkeys([*summary["warnings"], *own]))


def _picture(file: Path, words: str) -> str:
    if not file.exists():
        return "<p>Nothing to compare under the headline protocol.</p>"
    svg = file.read_text(encoding="utf-8")
    svg = svg[svg.index("<svg") :]
    note = f"<figcaption>{escape(words)}</figcaption>" if words else ""
    return f"<figure role='img' aria-label='{escape(words or file.stem)}'>{svg}{note}</figure>"


def _table(head: list[str], rows: list[list[str]]) -> str:
    top = "".join(f"<th scope='col'>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _saved(summary: dict[str, Any]) -> str:
    rows = []
    for found in summary["comparisons"]:
        whole = found["labels_saved"]
        each = [f"{ratio['budget']}: {ratio['text'].partition(' (the')[0]}" for ratio in found["per_budget"]]
        rows.append(
            [
                found["arm"],
                PROTOCOLS[found["protocol"]],
                f"{found['reference']} ({PROTOCOLS[found['reference_protocol']]})",
                whole["text"] if whole else "no single factor",
                "; ".join(each) or "-",
            ]
        )
    if not rows:
        return "<p>Nothing was compared.</p>"
    words = (
        "<p class='note'>3.0x (1.7-5.4x): the reference needs three times the labels for the same AUC, and between 1.7 "
        "and 5.4 times fits the data. &gt;: the reference never got there within the data. Rows other than the "
        "headline's are exploratory and uncorrected.</p>"
    )
    head = ["arm", "protocol", "reference", "whole curve", "per budget"]
    return words + _table(head, rows)


def _ahead(summary: dict[str, Any]) -> str:
    rows, refused, advice = [], [], []
    for found in summary["forecast"]:
        name = f"{found['arm']} ({PROTOCOLS[found['protocol']]})"
        if found["refused"]:
            refused.append(f"<p class='note'>{escape(name)}: {escape(found['refused'])}</p>")
            continue
        advice = [found["advice"]]
        ahead = [
            f"{point['value']:.3f} ({point['low']:.3f} to {point['high']:.3f}) at {point['n']:,.0f}"
            for point in found["points"]
        ]
        rows.append([name, *ahead, " ".join(each["text"] for each in found["required"]) or "no target was named"])
    words = (
        "<p class='note'>The curve continued beyond the labels at hand, with intervals of roughly 90 %. Three families "
        "of curves must agree and must have foretold the largest budget from the smaller ones. "
        f"{escape(' '.join(advice))}</p>"
    )
    head = ["curve", "now", "twice the labels", "four times", "targets"]
    return (words + _table(head, rows) if rows else "") + "".join(refused)


def _detectable(summary: dict[str, Any]) -> str:
    primary = [found for found in summary["comparisons"] if found["primary"]]
    rows = [
        [
            found["arm"],
            found["verdict"]["short"],
            found["reference"],
            f"{found['area']['difference']:+.3f} ({found['area']['low']:+.3f} to {found['area']['high']:+.3f})",
            f"{found['area']['p_holm']:.3f}",
            f"{found['verdict']['detectable']:.3f}",
            f"{found['verdict']['supported_margin']:.3f}",
        ]
        for found in primary
    ]
    head = ["arm", "verdict", "reference", "area difference (95 %)", "p (Holm)", "detectable", "alike within"]
    words = (
        "<p class='note'>Detectable: the smallest difference that this test set would have shown four times out of "
        "five. More test patients make it smaller; more draws hardly do.</p>"
    )
    return words + (_table(head, rows) if rows else "<p>Nothing was compared.</p>")


def _points(summary: dict[str, Any]) -> str:
    rows = []
    for (arm, protocol), points in curve_lines(summary).items():
        for point in points:
            spread = "-" if point["draw_sd"] is None or point["draws"] == 1 else f"{point['draw_sd']:.3f}"
            rows.append(
                [
                    arm,
                    PROTOCOLS[protocol],
                    str(point["budget"]),
                    f"{point['n']:,.0f}",
                    f"{point['n_patients']:,.0f}",
                    str(point["draws"]),
                    f"{point['value']:.3f} ({point['low']:.3f} to {point['high']:.3f})",
                    spread,
                ]
            )
    head = ["arm", "protocol", "budget", "labels", "patients", "draws", "AUC (95 %)", "spread of draws"]
    return _table(head, rows)


def _not_run(summary: dict[str, Any]) -> str:
    return "".join(f"<p class='note'>Not run: {escape(words)}</p>" for words in summary["not_run"])
