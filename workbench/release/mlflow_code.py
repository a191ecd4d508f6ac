"""The file that MLflow copies beside the weights; it is found without being run, for it speaks to MLflow when it is."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from workbench.errors import OperationFailed


def model_code() -> Path:
    """The file of ``workbench.models.mlflow_model``.

    Raises:
        OperationFailed: It is not on disk, as in a zipped installation.
    """
    spec = find_spec("workbench.models.mlflow_model")
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        raise OperationFailed("The code of the MLflow model is not on disk.", todo="Install the program from a wheel.")
    return Path(spec.origin)
