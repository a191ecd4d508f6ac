"""Settings: one frozen pydantic model per verb, read from YAML and overridden by ``key=value`` words."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.errors import InputError


class Settings(BaseModel):
    """Base of every verb's settings: unknown keys are refused, values do not change after reading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, validate_default=True, coerce_numbers_to_str=True
    )

    def plain(self) -> dict[str, Any]:
        """The settings as JSON-ready values, with the names that YAML files use."""
        return self.model_dump(mode="json", by_alias=True)

    def digest(self) -> str:
        """Sixteen hexadecimal digits that change when any resolved setting changes."""
        return digest_of(self.plain())

    def to_yaml(self) -> str:
        """The resolved settings as YAML, in the order of the model's fields."""
        return yaml.safe_dump(self.plain(), sort_keys=False, allow_unicode=True)


class Result(BaseModel):
    """Base of every verb's result; ``--json`` prints it as one JSON object."""

    model_config = ConfigDict(extra="forbid")

    def summary(self) -> str:
        """What a person reads at the end of the verb; verbs say it in sentences of their own."""
        return "\n".join(f"{name}: {value}" for name, value in self.model_dump(mode="json").items())


S = TypeVar("S", bound=Settings)


def digest_of(value: Any) -> str:
    """Sixteen hexadecimal digits of SHA-256 over the canonical JSON of ``value``."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_settings(
    model: type[S],
    *,
    file: Path | None = None,
    overrides: Sequence[str] = (),
    values: Mapping[str, Any] | None = None,
) -> S:
    """Read a verb's settings: defaults, then the YAML file, then ``values``, then ``key=value`` words.

    Args:
        model: The verb's settings model.
        file: A YAML file holding a mapping.
        overrides: Words such as ``train.lr=0.001``; the right side is read as YAML.
        values: Values already parsed, by (dotted) name.

    Raises:
        InputError: The file cannot be read, a key is unknown (the nearest right one is named) or a value
            does not fit.
    """
    tree: dict[str, Any] = {}
    if file is not None:
        tree = read_yaml(file)
    for name, value in (values or {}).items():
        _plant(tree, name, value)
    for word in overrides:
        name, sign, text = word.partition("=")
        if not sign or not name:
            raise InputError(f"'{word}' is not of the form key=value.", todo="Write for example train.lr=0.001.")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(f"The value of '{name}' cannot be read: {text!r}.", where=word) from error
        _plant(tree, name, value)
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise _explain(model, error, file) from error


def read_yaml(file: Path) -> dict[str, Any]:
    """Read a YAML file that holds one mapping.

    Raises:
        InputError: The file is absent, is not YAML, or holds something other than a mapping.
    """
    try:
        content = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError("The settings file cannot be read.", where=file, todo="Check the path.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"The settings file is not valid YAML: {error}", where=file) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError("The settings file must hold 'key: value' lines.", where=file)
    return content


def _plant(tree: dict[str, Any], name: str, value: Any) -> None:
    *parents, leaf = name.split(".")
    for parent in parents:
        below = tree.get(parent)
        if not isinstance(below, dict):
            below = tree[parent] = {}
        tree = below
    tree[leaf] = value


def _explain(model: type[BaseModel], error: ValidationError, file: Path | None) -> InputError:
    sentences = []
    for item in error.errors():
        where = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            known = _field_names(model)
            near = difflib.get_close_matches(where, known, n=1, cutoff=0.5)
            leaf = difflib.get_close_matches(where.rpartition(".")[2], [k.rpartition(".")[2] for k in known], n=1)
            guess = near or [k for k in known if leaf and k.rpartition(".")[2] == leaf[0]][:1]
            hint = f" Did you mean '{guess[0]}'?" if guess else f" Known: {', '.join(known)}."
            sentences.append(f"Unknown setting '{where}'.{hint}")
        elif item["type"] == "missing":
            sentences.append(f"The setting '{where}' is required.")
        else:
            given = item.get("input")
            reason = item["msg"].removeprefix("Value error, ").rstrip(".")
            sentences.append(f"Setting '{where}' = {given!r}: {reason}." if where else f"Settings: {reason}.")
    return InputError(" ".join(sentences), where=file or "", todo="Correct the setting and run again.")


def _field_names(model: type[BaseModel], prefix: str = "") -> list[str]:
    names = []
    for name, field in model.model_fields.items():
        shown = prefix + (field.alias or name)
        names.append(shown)
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            names += _field_names(inner, shown + ".")
    return names
