"""*Details for engineers*: the command that does the same, the settings, the run folder."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st
import yaml

from app.surroundings import mlflow_url, workspace


def engineer_details(
    verb: str,
    settings: Mapping[str, Any],
    folder: Path | None = None,
    *,
    job_id: str = "",
    lines: list[str] | None = None,
) -> None:
    """An expander, closed at first.

    Args:
        verb: The verb as typed.
        settings: Its settings.
        folder: The run folder, if there is one.
        job_id: The job, if there is one.
        lines: The last lines of the log.
    """
    with st.expander("Details for engineers", icon=":material/terminal:"):
        st.caption("The command that does the same:")
        st.code(command_line(verb, settings), language="bash", wrap_lines=True)
        facts = [f"job {job_id}"] if job_id else []
        if folder is not None:
            facts.append(f"run folder {folder.relative_to(workspace().root)}")
        if facts:
            st.text(" · ".join(facts))
        if folder is not None and (folder / "settings.yaml").is_file():
            st.caption("Settings as resolved:")
            st.code((folder / "settings.yaml").read_text(encoding="utf-8"), language="yaml", height=220)
        if lines:
            st.caption("Last lines of the log:")
            st.code("\n".join(lines), language=None, wrap_lines=True, height=220)
        if mlflow_url():
            st.link_button("Open MLflow", mlflow_url())


def command_line(verb: str, settings: Mapping[str, Any]) -> str:
    """The command with its settings as ``key=value`` words, quoted for a shell."""
    words = ["workbench", verb]
    words += [shlex.quote(f"{name}={yaml_word(value)}") for name, value in flat(settings).items()]
    words += ["--workspace", shlex.quote(str(workspace().root))]
    return " ".join(words)


def yaml_word(value: Any) -> str:
    """A value as the command line reads it back: text as it is, where YAML would take it for the same text."""
    if isinstance(value, str):
        try:
            if value == value.strip() and yaml.safe_load(value) == value:
                return value
        except yaml.YAMLError:
            pass
    shown = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True)
    return shown.strip().removesuffix("...").strip()


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by their dotted names; a mapping whose keys are no plain words stays one value."""
    rows: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping) and value and all(str(key).replace("-", "_").isidentifier() for key in value):
            rows.update(flat(value, f"{prefix}{name}."))
        else:
            rows[prefix + name] = value
    return rows
