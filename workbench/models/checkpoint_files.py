"""The two files of a checkpoint: weights in safetensors, and a JSON that says all else; how they are found and read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from workbench.errors import InputError
from workbench.models.weight_files import file_digest, read_safetensors
from workbench.runs.workspace import Workspace


@dataclass(frozen=True)
class CheckpointFiles:
    """A kind of checkpoint.

    Attributes:
        what: For people: ``encoder`` or ``classifier``.
        weights, facts: Names of its two files.
        needed: Keys that the facts must have.
        made_by: Whose run folder holds one, for people.
    """

    what: str
    weights: str
    facts: str
    needed: tuple[str, ...]
    made_by: str

    def named(self, path: Path) -> bool:
        """Whether a path is a folder with such a checkpoint, or has the name of one of its files."""
        return (path / self.facts).is_file() or path.name in (self.facts, self.weights)

    def at(self, word: str, workspace: Workspace) -> Path | None:
        """The checkpoint's folder that a word names as a path, from here or from the workspace; None if it is no path.

        Raises:
            InputError: It names one of the two files, and there is none.
        """
        path = Path(word).expanduser()
        candidates = (candidate for candidate in (path, workspace.root / path) if self.named(candidate))
        return next((self.find(candidate) for candidate in candidates), None)

    def find(self, path: str | Path) -> Path:
        """The folder, by itself or by either file.

        Raises:
            InputError: There is none.
        """
        given = Path(path).expanduser()
        folder = given.parent if given.name in (self.weights, self.facts) else given
        if not (folder / self.facts).is_file():
            raise InputError(
                f"There is no {self.what} here.",
                where=given,
                todo=f"Give a folder with {self.weights} and {self.facts}, such as a finished {self.made_by}'s "
                "run folder.",
            )
        return folder

    def read_facts(self, path: str | Path) -> dict[str, Any]:
        """The JSON.

        Raises:
            InputError: It is absent, not JSON, or lacks a key.
        """
        file = self.find(path) / self.facts
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"The description of the {self.what} cannot be read.", where=file) from error
        missing = [name for name in self.needed if not isinstance(content, dict) or name not in content]
        if missing:
            raise InputError(f"The description of the {self.what} lacks '{missing[0]}'.", where=file)
        return content

    def read_weights(self, folder: Path, facts: Mapping[str, Any]) -> dict[str, Tensor]:
        """The tensors, once the file is the one that the facts were written for.

        Raises:
            InputError: It is absent, damaged, or another one.
        """
        file = folder / self.weights
        if not file.is_file():
            raise InputError(
                f"The {self.what}'s weights are missing.", where=file, todo=f"Bring both files of the {self.what}."
            )
        if facts.get("weights_sha256") not in (None, file_digest(file)):
            raise InputError(
                f"The {self.what}'s weights are not those that its description was written for.",
                where=file,
                todo="Bring both files from the same run, whole.",
            )
        return read_safetensors(file)
