"""Verbs as Python functions: settings as keywords, the result returned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.config import load_settings
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace
from workbench.verbs import Verb


def callable_verb(verb: Verb) -> Callable[..., Any]:
    """The verb as a function of keywords.

    Besides the verb's settings it takes ``config`` (a YAML file), ``workspace`` (a folder; the current one when not
    given) and ``quiet`` (no progress). Nested settings are given as mappings: ``train={"lr": 0.001}``.
    """
    model, function = verb.load()

    def call(
        *, config: str | Path | None = None, workspace: str | Path | None = None, quiet: bool = False, **settings: Any
    ) -> Any:
        resolved = load_settings(model, file=Path(config) if config else None, values=settings)
        place = Workspace(workspace)
        with place.own_site_key():
            return function(resolved, workspace=place, progress=Progress(quiet=quiet))

    call.__name__ = verb.function_name
    call.__doc__ = f"{verb.summary}.\n\nSettings: see `workbench {verb.name} --help`.\n\n{function.__doc__ or ''}"
    return call
