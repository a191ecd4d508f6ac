"""Whether somebody may see a cohort's pictures; asked at every request, whatever a token says."""

from __future__ import annotations

from app.roles import allowed
from app.surroundings import workspace
from workbench.errors import InputError


def may_look(user: str, cohort: str) -> bool:
    """Whether ``user`` may see the pictures of a cohort: it must be one of this workspace, and the user one who may."""
    try:
        folder = workspace().cohort_dir(cohort)
    except InputError:
        return False
    return allowed("look", user) and (folder / "manifest.parquet").is_file()
