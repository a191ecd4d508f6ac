"""Medical imaging pretraining and fine-tuning workbench.

The stages are functions: ``workbench.index(sources=[...], cohort="cxr")``, ``workbench.pretrain(...)``,
``workbench.study(...)``, each taking its settings as keywords and returning its result; ``workbench.dicom`` reads
frames and ``workbench.load_encoder`` loads an encoder. Everything is imported when first used.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

__version__ = "0.1.0"

# Arrow's own allocators keep tens of megabytes; the system's gives them back. Read when pyarrow is imported.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

_MODULES = ("dicom", "cohort", "store", "models", "evaluation", "study")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"workbench.{name}")
    if name == "load_encoder":
        from workbench.models.checkpoint import load_encoder

        return load_encoder
    from workbench.verbs import VERBS

    verb = VERBS.get(name.replace("_", "-"))
    if verb is None:
        raise AttributeError(f"module 'workbench' has no attribute '{name}'")
    from workbench.verbs.calling import callable_verb

    return callable_verb(verb)


def __dir__() -> list[str]:
    from workbench.verbs import VERBS

    return sorted([*globals(), *_MODULES, "load_encoder", *(verb.function_name for verb in VERBS.values())])
