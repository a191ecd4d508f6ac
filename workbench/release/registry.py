"""MLflow's registry: versions of a model and the aliases that say what may be done with them.

``candidate``: somebody wants it; anybody may say so. ``approved``: it passed the gate. ``retired``: no longer to be
used. An alias stands on one version at a time; each version's tag ``state`` keeps what was said of it last. The chain
of records is what the program itself reads: the registry is the record for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from workbench.config import Settings
from workbench.errors import InputError, OperationFailed
from workbench.release.mlflow_code import model_code
from workbench.review.record_chain import append, records
from workbench.review.reviewed_model import ReviewedModel
from workbench.runs.tracking import Tracker, allowed, prepare_database
from workbench.runs.workspace import Workspace

Alias = Literal["candidate", "approved", "retired"]
ALIASES: tuple[str, ...] = get_args(Alias)


@dataclass(frozen=True)
class Registered:
    """A model in the registry.

    Attributes:
        name: Of the registered model.
        version: Of this one.
        alias: What was said of it last.
        who, at: By whom, and when (UTC).
        override: Number of the record that passed over what was missing, or 0.
    """

    name: str
    version: str
    alias: str
    who: str
    at: str
    override: int = 0


def default_name(model: ReviewedModel) -> str:
    """The registered model's name when none is given: cohort and kind."""
    return f"{model.cohort or 'model'}-{model.kind}"


def say(
    workspace: Workspace,
    model: ReviewedModel,
    alias: str,
    settings: Settings,
    *,
    who: str,
    name: str = "",
    override: int = 0,
) -> Registered:
    """Put a model into the registry, if it is not there, and set an alias on it. The gate is the caller's matter.

    Args:
        workspace: Whose registry.
        model: The model.
        alias: One of ``ALIASES``.
        settings: Of the verb; their digest goes with the MLflow run.
        who: Who says so.
        name: Of the registered model; cohort and kind when empty.
        override: Number of the record that says why something missing was passed over; 0 where nothing was.

    Raises:
        InputError: The alias is unknown.
        OperationFailed: The registry cannot be written.
    """
    if alias not in ALIASES:
        raise InputError(f"There is no alias '{alias}'.", todo=f"Choose one of {', '.join(ALIASES)}.")
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    chosen = allowed(name or default_name(model)).replace("/", "-").replace(":", "-")
    prepare_database(workspace)
    client = MlflowClient(tracking_uri=workspace.mlflow_uri, registry_uri=workspace.mlflow_uri)
    try:
        version = _version(client, workspace, model, chosen, settings)
        for other in ALIASES:
            if other != alias and _stands_on(client, chosen, other) == version:
                client.delete_registered_model_alias(chosen, other)
        client.set_registered_model_alias(chosen, alias, version)
        client.set_model_version_tag(chosen, version, "state", alias)
        client.set_model_version_tag(chosen, version, "who", who)
    except MlflowException as error:
        raise OperationFailed(f"MLflow's registry cannot be written: {error.message}", where=chosen) from error
    content = {"name": chosen, "version": version, "alias": alias, "run": model.run_id, "override": override}
    record = append(workspace, "alias", model.digest, content, who=who)
    return Registered(chosen, version, alias, record.who, record.at, override)


def registered(workspace: Workspace, model: ReviewedModel) -> Registered | None:
    """What was said of a model last, from the chain of records; None if it is not in the registry."""
    found = records(workspace, kind="alias", subject=model.digest)
    if not found:
        return None
    said = found[-1].content
    return Registered(said["name"], said["version"], said["alias"], found[-1].who, found[-1].at, int(said["override"]))


def _version(client: Any, workspace: Workspace, model: ReviewedModel, name: str, settings: Settings) -> str:
    """The version with these weights; made if there is none."""
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(name, description="Made by the imaging workbench. For research only.")
    for found in client.search_model_versions(f"name = '{name}'"):
        if found.tags.get("weights_sha256") == model.digest:
            return str(found.version)
    tags = {"weights_sha256": model.digest, "source_run": model.run_id, "kind": model.kind}
    experiment = f"release/{model.cohort or 'models'}"
    with Tracker(workspace, experiment, model.run_id, "export", settings, tags) as tracker:
        facts = model.folder / f"{model.kind}.json"
        address = tracker.model(model.kind, model.weights, facts, model_code())
    if not address:
        raise InputError("MLflow is switched off.", where="WORKBENCH_MLFLOW=off", todo="Switch it on to set an alias.")
    # The address models:/... is looked up in the process's own tracking store; where the files lie is not.
    files = client.get_logged_model(address.removeprefix("models:/")).artifact_location
    made = client.create_model_version(name, source=files, run_id=tracker.run_id, tags=tags)
    return str(made.version)


def _stands_on(client: Any, name: str, alias: str) -> str:
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_model_version_by_alias(name, alias).version)
    except MlflowException:
        return ""
