"""MLflow: the record for people. One context manager over one MLflow run, on SQLite by default."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest import mock

from workbench.config import Settings
from workbench.runs.workspace import Workspace

MAX_PARAMS = 60
RUN_FILE = "mlflow-run.txt"


def prepare_database(workspace: Workspace) -> None:
    """Create or upgrade the tracking schema, under a lock: two first users at once would break it (MLflow 3.17).

    The schema is made in WAL mode, in which a writer does not block readers.
    """
    if not workspace.mlflow_uri.startswith("sqlite:///"):
        return
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    database = Path(workspace.mlflow_uri.removeprefix("sqlite:///"))
    ready = database.with_suffix(".ready")
    import mlflow

    if ready.exists() and database.exists() and ready.read_text() == mlflow.__version__:
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with database.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if ready.exists() and database.exists() and ready.read_text() == mlflow.__version__:
            return
        import logging
        import sqlite3

        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
        from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine

        with contextlib.closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA journal_mode=wal")
        _initialize_tables(create_sqlalchemy_engine(workspace.mlflow_uri))
        ready.write_text(mlflow.__version__)


class Tracker:
    """One MLflow run. Nothing that identifies a patient, and no path of a scan, is ever given to it.

    Args:
        workspace: Its tracking store is used, unless ``MLFLOW_TRACKING_URI`` names another.
        experiment: Name of the experiment.
        run_name: Name of the run, the run folder's by convention.
        kind: The verb; becomes the tag ``stage``.
        settings: Flattened into parameters; their digest becomes the tag ``settings_digest``.
        tags: Further tags.
        parent: Run id of the MLflow run that this one belongs to; it is then recorded in that run's experiment, as
            MLflow nests runs within one experiment only. By default what ``WORKBENCH_PARENT_RUN`` names.
        folder: A run folder in which the MLflow run's id is kept, so that a run that is resumed goes on in its record.
        enabled: False makes every call do nothing.
    """

    def __init__(
        self,
        workspace: Workspace,
        experiment: str,
        run_name: str,
        kind: str,
        settings: Settings,
        tags: Mapping[str, str] | None = None,
        parent: str | None = None,
        *,
        folder: Path | None = None,
        enabled: bool = True,
    ) -> None:
        self.workspace, self.experiment, self.run_name, self.kind = workspace, experiment, run_name, kind
        self.settings, self.tags = settings, dict(tags or {})
        self.parent = parent or os.environ.get("WORKBENCH_PARENT_RUN")
        self.enabled = enabled and os.environ.get("WORKBENCH_MLFLOW", "on") != "off"
        self._kept = folder / RUN_FILE if folder else None
        self.run_id = ""
        self._client: Any = None

    def __enter__(self) -> Tracker:
        if not self.enabled:
            return self
        prepare_database(self.workspace)
        from mlflow.tracking import MlflowClient

        client = self._client = MlflowClient(tracking_uri=self.workspace.mlflow_uri)
        tags = {"stage": self.kind, "settings_digest": self.settings.digest(), **self.tags}
        if commit := git_commit():
            tags["git"] = commit
        if self.parent:
            tags["mlflow.parentRunId"] = self.parent
        before = self._kept.read_text(encoding="utf-8").strip() if self._kept and self._kept.exists() else ""
        if known := self._known(before):
            self.run_id = known.info.run_id
            client.update_run(self.run_id, status="RUNNING")
            for name, value in tags.items():
                self.tag(name, value)
            return self
        parent = self._known(self.parent)
        experiment = parent.info.experiment_id if parent else self._experiment_id()
        run = client.create_run(experiment, run_name=self.run_name, tags=tags)
        self.run_id = run.info.run_id
        if self._kept:
            self._kept.write_text(self.run_id + "\n", encoding="utf-8")
        self.params(flatten(self.settings.plain()))
        return self

    def _known(self, run_id: str | None) -> Any:
        """An MLflow run by its id, or None where the store has none."""
        from mlflow.exceptions import MlflowException

        if not run_id:
            return None
        try:
            return self._client.get_run(run_id)
        except MlflowException:
            return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client:
            state = "FINISHED" if error is None else "KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED"
            self._client.set_terminated(self.run_id, state)

    def params(self, values: Mapping[str, Any]) -> None:
        """Record parameters; those beyond sixty are left to the run folder's ``settings.yaml``."""
        if not self._client:
            return
        from mlflow.entities import Param

        kept = [Param(allowed(name), str(value)[:500]) for name, value in list(values.items())[:MAX_PARAMS]]
        self._client.log_batch(self.run_id, params=kept)

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Record figures at a step (an epoch, not an optimiser step); what is not finite is left out."""
        if not self._client:
            return
        import math
        import time

        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        kept = [
            Metric(allowed(name), float(value), now, step)
            for name, value in values.items()
            if value is not None and math.isfinite(value)
        ]
        if kept:
            self._client.log_batch(self.run_id, metrics=kept)

    def tag(self, name: str, value: str) -> None:
        """Set one tag."""
        if self._client:
            self._client.set_tag(self.run_id, name, value)

    def artifact(self, path: Path, folder: str | None = None) -> None:
        """Copy a file, or a folder with all in it, to the run's artifacts."""
        if not self._client:
            return
        if Path(path).is_dir():
            self._client.log_artifacts(self.run_id, str(path), folder or Path(path).name)
        else:
            self._client.log_artifact(self.run_id, str(path), folder)

    def dataset(self, name: str, digest: str, context: str = "training") -> None:
        """Record which data the run read, by name and digest; no path and no data."""
        if not self._client:
            return
        from mlflow.data.code_dataset_source import CodeDatasetSource
        from mlflow.data.meta_dataset import MetaDataset
        from mlflow.entities import DatasetInput, InputTag

        dataset = MetaDataset(CodeDatasetSource(tags={}), name=name, digest=digest[:36])
        entity = DatasetInput(dataset._to_mlflow_entity(), [InputTag("mlflow.data.context", context)])
        self._client.log_inputs(self.run_id, [entity])
        self.tag(f"dataset.{name}", digest)

    def encoder(self, folder: Path, model_code: Path) -> str:
        """Log an encoder checkpoint as a model that loads without pickle; returns its address, or ''.

        Args:
            folder: Holds ``encoder.safetensors`` and ``encoder.json``.
            model_code: The Python file that rebuilds the model from them (MLflow's *models from code*).
        """
        return self.model("encoder", folder / "encoder.safetensors", folder / "encoder.json", model_code)

    def model(self, name: str, weights: Path, facts: Path, model_code: Path) -> str:
        """Log weights and their description as a model that loads without pickle; returns its address, or ''.

        Args:
            name: Of the model within the run.
            weights: Its safetensors.
            facts: The JSON beside it.
            model_code: The Python file that rebuilds the model from them (MLflow's *models from code*).
        """
        if not self._client:
            return ""
        import mlflow

        with self._active():
            info = mlflow.pyfunc.log_model(
                name=name,
                python_model=str(model_code),
                artifacts={"weights": str(weights), "facts": str(facts)},
                pip_requirements=["torch", "torchvision", "timm", "safetensors", "numpy"],
            )
        return info.model_uri

    @contextlib.contextmanager
    def _active(self) -> Iterator[None]:
        """MLflow's model logging writes to the active run of the process, so make this one active, and quiet.

        Setting the tracking address sets an environment variable, too, which later runs would obey: it is put back.
        """
        import mlflow

        before = mlflow.get_tracking_uri()
        names = ("MLFLOW_TRACKING_URI", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR")
        variables = {name: os.environ.get(name) for name in names}
        os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
        mlflow.set_tracking_uri(self.workspace.mlflow_uri)
        try:
            # MLflow asks for type hints that it then refuses for arrays of images, past Python's filter of warnings.
            with (
                mock.patch("mlflow.pyfunc.utils.data_validation.color_warning"),
                mlflow.start_run(run_id=self.run_id, nested=True),
            ):
                yield
        finally:
            mlflow.set_tracking_uri(before)
            for name, value in variables.items():
                os.environ.pop(name, None) if value is None else os.environ.update({name: value})
            self._client.update_run(self.run_id, status="RUNNING")

    def _experiment_id(self) -> str:
        client = self._client
        found = client.get_experiment_by_name(self.experiment)
        if found is not None:
            return found.experiment_id
        location = None
        if self.workspace.mlflow_uri.startswith("sqlite:///"):
            self.workspace.mlflow_artifacts.mkdir(parents=True, exist_ok=True)
            location = (self.workspace.mlflow_artifacts / self.experiment.replace("/", "_")).as_uri()
        from mlflow.exceptions import MlflowException

        try:
            return client.create_experiment(self.experiment, artifact_location=location)
        except MlflowException:
            again = client.get_experiment_by_name(self.experiment)
            if again is None:
                raise
            return again.experiment_id


def allowed(name: str) -> str:
    """A name as MLflow takes it: letters, digits, spaces and ``_ - . : /``; anything else becomes ``_``."""
    return re.sub(r"[^\w\-. :/]", "_", name, flags=re.ASCII)


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as ``{"train.lr": 0.001}``."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def git_commit() -> str:
    """The commit that the program was run from, with ``+changes`` where the tree differs, or '' outside git."""
    here = Path(__file__).resolve().parent
    try:
        run = lambda *words: subprocess.run(  # noqa: E731
            ["git", "-C", str(here), *words], capture_output=True, text=True, timeout=5, check=True
        ).stdout.strip()
        return run("rev-parse", "HEAD") + ("+changes" if run("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.SubprocessError):
        return ""
