"""The workspace: the folder that a verb works in, and where everything lies inside it."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from workbench.errors import InputError

SITE_KEY_VARIABLE = "WORKBENCH_SITE_KEY_FILE"
NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Workspace:
    """A folder with cohorts, stores, runs and the tracking database.

    Args:
        root: The folder; the environment variable ``WORKBENCH_WORKSPACE``, else the current folder, when not given.
    """

    def __init__(self, root: str | Path | None = None) -> None:
        chosen = root or os.environ.get("WORKBENCH_WORKSPACE") or Path.cwd()
        self.root = Path(chosen).expanduser().resolve()

    def __repr__(self) -> str:
        return f"Workspace({str(self.root)!r})"

    @property
    def cohorts_dir(self) -> Path:
        """One folder per cohort."""
        return self.root / "data_manifests"

    @property
    def stores_dir(self) -> Path:
        """Decoded pixels, one folder per cohort and settings."""
        return self.root / "stores"

    @property
    def runs_dir(self) -> Path:
        """Run folders, ``<kind>/<run_id>``."""
        return self.root / "runs"

    @property
    def database(self) -> Path:
        """SQLite file of job requests and of what people decide."""
        return self.root / "workspace.db"

    @property
    def mlflow_database(self) -> Path:
        """SQLite file of the MLflow tracking store."""
        return self.root / "mlflow.db"

    @property
    def mlflow_uri(self) -> str:
        """Tracking address; the environment variable ``MLFLOW_TRACKING_URI`` takes precedence."""
        return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.mlflow_database}"

    @property
    def mlflow_artifacts(self) -> Path:
        """Folder of the MLflow artifacts."""
        return self.root / "mlartifacts"

    @contextlib.contextmanager
    def own_site_key(self) -> Iterator[None]:
        """Within it, the workspace's own ``site.key`` is the site key, if there is one and no other is named.

        Only workspaces of public images have one (the demo's phantoms): with a key that lies beside the cohorts, their
        keyed hashes protect nobody.
        """
        file = self.root / "site.key"
        if SITE_KEY_VARIABLE in os.environ or not file.is_file():
            yield
            return
        os.environ[SITE_KEY_VARIABLE] = str(file)
        try:
            yield
        finally:
            os.environ.pop(SITE_KEY_VARIABLE, None)

    def cohort_dir(self, name: str) -> Path:
        """The folder of a cohort, existing or not.

        Raises:
            InputError: The name is not a plain word (letters, digits, ``. _ -``; 64 at most).
        """
        return self.cohorts_dir / plain_name(name, "cohort")

    def cohorts(self) -> list[str]:
        """Names of the cohorts that have been indexed, sorted."""
        if not self.cohorts_dir.is_dir():
            return []
        return sorted(file.parent.name for file in self.cohorts_dir.glob("*/manifest.parquet"))

    def runs(self, kind: str | None = None) -> list[Path]:
        """Run folders, oldest first by name of kind and run."""
        return sorted(file.parent for file in self.runs_dir.glob(f"{kind or '*'}/*/status.json"))

    def find_run(self, run: str | Path, kind: str | None = None) -> Path:
        """The folder of a run, by its path or its id.

        Raises:
            InputError: No such run, or the id stands for several kinds.
        """
        path = Path(run).expanduser()
        for candidate in (path, self.root / path):
            if (candidate / "status.json").is_file():
                return candidate.resolve()
        found = [folder for folder in self.runs(kind) if folder.name == str(run)]
        if len(found) == 1:
            return found[0]
        known = [folder.name for folder in self.runs(kind)][-5:]
        if found:
            raise InputError(f"The run '{run}' stands for several kinds.", todo=f"Give its folder, one of {found}.")
        raise InputError(
            f"There is no {kind or ''} run '{run}'.".replace("  ", " "),
            where=self.runs_dir,
            todo=f"Known: {', '.join(known)}." if known else "No such run has been made here yet.",
        )


def plain_name(name: str, what: str) -> str:
    """``name``, if it can safely be a folder's name.

    Raises:
        InputError: It holds something other than letters, digits and ``. _ -``, or is longer than 64 characters.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise InputError(
            f"'{name}' cannot be the name of a {what}.",
            todo="Use letters, digits, '.', '_' and '-', beginning with a letter or digit, 64 characters at most.",
        )
    return name
