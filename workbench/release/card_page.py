"""A model card as Markdown, for the repository that keeps it, and as one HTML page, for people and for printing."""

from __future__ import annotations

import html
import re

from workbench.release.card_fields import FIELDS
from workbench.release.model_card import Card

NOTICE = "For research. Not a medical device; not for diagnosis."
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733;
  background: #fff; }
h1 { line-height: 1.2; } h2 { border-bottom: 1px solid #b8c4cf; margin-top: 2rem; } h3 { margin-bottom: .2rem; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .2rem .8rem .2rem 0;
  border-bottom: 1px solid #dde4ea; } code { background: #eef2f5; padding: 0 .2rem; overflow-wrap: anywhere; }
.missing { border-left: 4px solid #D55E00; padding-left: .8rem; }
"""
EMPTY = "*Not filled in.*"


def as_markdown(card: Card) -> str:
    """The whole card; fields that are needed and empty are named at the top."""
    lines = [f"# Model card: {card.model.run_id}", "", NOTICE, ""]
    if card.missing:
        lines += ["**Not complete.** Missing:", "", *(f"- {why}" for why in card.missing.values()), ""]
    section = ""
    for field in FIELDS:
        text = card.texts.get(field.name, "")
        if not text and model_kind_needs_not(card, field.needed):
            continue
        if field.section != section:
            section = field.section
            lines += [f"## {section}", ""]
        lines += [f"### {field.title}", "", text or EMPTY, ""]
    return "\n".join(lines)


def model_kind_needs_not(card: Card, needed: tuple[str, ...]) -> bool:
    """Whether a field may stay away from the card of this kind of model."""
    return card.model.kind not in needed


def as_html(card: Card) -> str:
    """The card as one page without scripts or outside parts; whatever people wrote is shown as text."""
    body = html_body(card)
    title = html.escape(f"Model card: {card.model.run_id}")
    return (
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>\n{body}\n</main></body></html>\n"
    )


def html_body(card: Card) -> str:
    """The card as HTML to stand inside a page; nothing that people or files say is markup in it."""
    return _html_of(as_markdown(card))


def _html_of(markdown: str) -> str:
    """Headings, lists, tables, bold, emphasis and code; everything else is text."""
    out: list[str] = []
    for block in re.split(r"\n{2,}", markdown.strip()):
        lines = block.splitlines()
        heading = re.fullmatch(r"(#{1,3}) (.*)", lines[0])
        if heading and len(lines) == 1:
            level = len(heading[1])
            out.append(f"<h{level}>{_inline(heading[2])}</h{level}>")
        elif all(line.startswith("- ") for line in lines):
            out.append("<ul>" + "".join(f"<li>{_inline(line[2:])}</li>" for line in lines) + "</ul>")
        elif lines[0].startswith("|"):
            out.append(_table(lines))
        else:
            out.append("<p>" + "<br>".join(_inline(line) for line in lines) + "</p>")
    return "\n".join(out)


def _table(lines: list[str]) -> str:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("|---")]
    head, *body = rows
    first = "".join(f"<th scope=col>{_inline(cell)}</th>" for cell in head)
    rest = "".join("<tr>" + "".join(f"<td>{_inline(cell)}</td>" for cell in row) + "</tr>" for row in body)
    return f"<table><thead><tr>{first}</tr></thead><tbody>{rest}</tbody></table>"


def _inline(text: str) -> str:
    safe = html.escape(text)
    safe = re.sub(r"`([^`]*)`", r"<code>\1</code>", safe)
    safe = re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", safe)
    return re.sub(r"(?<![\w*])\*([^*]+)\*(?![\w*])", r"<em>\1</em>", safe)
