"""What people write to name an encoder, and the encoder that they mean."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import InputError
from workbench.models import checkpoint, recipes
from workbench.models.encoders import Encoder, build_encoder
from workbench.models.initialise import load_weights
from workbench.runs.workspace import Workspace

RANDOM = ("scratch:", "random:")
FORMS = "a pretraining's run id, a folder with encoder.json, scratch:resnet18, or resnet18@weights.pth"


@dataclass(frozen=True)
class EncoderSource:
    """Where an encoder comes from.

    Attributes:
        name: The architecture.
        scratch: Whether its weights are random.
        make: Makes it anew, with the weights it starts from.
        facts: Contents of ``encoder.json``; empty where there is none.
        said: What loading found, in a sentence.
    """

    name: str
    scratch: bool
    make: Callable[[], Encoder]
    facts: dict[str, Any] = field(default_factory=dict)
    said: str = ""


def find_encoder(
    spec: str | Path, workspace: Workspace, *, in_channels: int = 1, size: int = 64, seed: int = 0
) -> EncoderSource:
    """The encoder that a word or path stands for.

    Args:
        spec: ``scratch:ARCHITECTURE`` (or ``random:``), ``ARCHITECTURE@FILE`` with weights from elsewhere, a run id of
            a pretraining, or the folder of a checkpoint.
        workspace: Where runs are looked for.
        in_channels: Channels of the images.
        size: Side of the images, pixels.
        seed: Of random weights.

    Raises:
        InputError: Nothing of that name, another number of channels, or weights that do not fit.
    """
    word = str(spec)
    if word.startswith(RANDOM):
        name = word.partition(":")[2]
        made = build_encoder(name, in_channels=in_channels, size=size, seed=seed)
        return EncoderSource(name, True, lambda: deepcopy(made))
    name, sign, file = word.partition("@")
    if sign and name in recipes.NAMES:
        made = build_encoder(name, in_channels=in_channels, size=size, seed=seed)
        report = load_weights(made, Path(file))
        facts = {"architecture": name, "method": "external", "source": Path(file).name}
        return EncoderSource(name, False, lambda: deepcopy(made), facts, report.sentence)
    if word in recipes.NAMES:
        raise InputError(
            f"'{word}' is an architecture; where do its weights come from?",
            where="encoder",
            todo=f"Write scratch:{word} for random weights, or {word}@FILE for weights from a file.",
        )
    made = checkpoint.load_encoder(locate(word, workspace), size=size)
    facts = checkpoint.read_facts(locate(word, workspace))
    if made.in_channels != in_channels:
        raise InputError(
            f"The encoder takes {made.in_channels} channels, the scans have {in_channels}.",
            where=word,
            todo=f"Run 'workbench prepare' with channels={made.in_channels}, or choose another encoder.",
        )
    return EncoderSource(made.name, False, lambda: deepcopy(made), facts)


def locate(word: str, workspace: Workspace) -> Path:
    """The folder of the checkpoint that a path or run id names.

    Raises:
        InputError: There is none.
    """
    folder = checkpoint.FILES.at(word, workspace)
    if folder is not None:
        return folder
    try:
        run = workspace.find_run(word, "pretrain")
    except InputError as error:
        raise InputError(
            f"There is no encoder '{word}'. {error.todo}".strip(), where="encoder", todo=f"Give {FORMS}."
        ) from error
    if not (run / checkpoint.FACTS).is_file():
        raise InputError(
            f"The pretraining '{run.name}' has written no encoder yet.",
            where=run,
            todo=f"Let it finish, or continue it with 'workbench pretrain resume={run.name}'.",
        )
    return run
