"""Writes docs/reference/settings.md from the settings models: ``make docs``."""

from __future__ import annotations

import sys
from pathlib import Path

from workbench.cli import setting_rows
from workbench.verbs import VERBS

FILE = Path(__file__).resolve().parent / "reference" / "settings.md"


def reference() -> str:
    """The whole page."""
    lines = [
        "# Settings of every command",
        "",
        "Written by `make docs` from the settings models; do not edit. Settings are given by position where the usage",
        "line names them, as `key=value` or `--key value`, or in a YAML file where the command takes one.",
        "",
    ]
    for verb in VERBS.values():
        model, _ = verb.load()
        words = ["[CONFIG.yaml]"] if verb.config else []
        words += [name.upper() for name in verb.positionals]
        lines += [f"## workbench {verb.name}", "", f"{verb.summary[0].upper()}{verb.summary[1:]}.", ""]
        lines += ["```", " ".join(["workbench", verb.name, *words, "key=value ..."]), "```", ""]
        lines += ["| setting | default | meaning |", "|---|---|---|"]
        for name, default, description in setting_rows(model):
            text = description.replace("|", "\\|").replace("\n", " ")
            lines.append(f"| `{name}` | {'required' if default is None else f'`{default}`'} | {text} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(reference(), encoding="utf-8")
    print(f"wrote {FILE}", file=sys.stderr)
