"""A classifier's results on the patients set aside, in words with intervals; and where it looked."""

from __future__ import annotations

from app.runs_view import RunView


def classifier_result(run: RunView) -> None:
    """Draw the results of a finished fine-tuning."""
    raise NotImplementedError
