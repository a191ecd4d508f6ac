"""The command line: one command per verb, no logic. Words become settings, the verb's result becomes text or JSON."""

from __future__ import annotations

import difflib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.errors import InputError, WorkbenchError
from workbench.verbs import VERBS, Verb

FLAGS = ("--json", "--quiet")


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 failed, 2 the user's input is wrong."""
    words = list(sys.argv[1:] if words is None else words)
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    if words[0] in ("-V", "--version"):
        from workbench import __version__

        print(__version__)
        return 0
    try:
        verb = VERBS.get(words[0])
        if verb is None:
            near = difflib.get_close_matches(words[0], VERBS, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else "'workbench --help' lists the commands."
            raise InputError(f"There is no command '{words[0]}'.", todo=hint)
        if any(word in ("-h", "--help") for word in words[1:]):
            print(describe(verb))
            return 0
        return run(verb, words[1:])
    except WorkbenchError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"Error: {error.strerror or error}. Where: {error.filename or 'unknown'}.", file=sys.stderr)
        return 1
    except Exception as error:
        print(f"Error: {report_fault(error, words)}", file=sys.stderr)
        return 1


def run(verb: Verb, words: Sequence[str]) -> int:
    """Read the words into settings, run the verb, print its result."""
    flags, workspace_dir, config, values, overrides = parse(verb, words)
    from workbench.config import load_settings
    from workbench.runs.progress import Progress
    from workbench.runs.workspace import Workspace

    model, function = verb.load()
    settings = load_settings(model, file=config, overrides=overrides, values=values)
    workspace = Workspace(workspace_dir)
    with workspace.own_site_key():
        result = function(settings, workspace=workspace, progress=Progress(quiet="--quiet" in flags))
    if "--json" in flags:
        print(result.model_dump_json(by_alias=True))
    else:
        print(result.summary())
    return int(getattr(result, "exit_code", 0))


def parse(verb: Verb, words: Sequence[str]) -> tuple[set[str], str | None, Path | None, dict[str, Any], list[str]]:
    """Sort a command's words into flags, workspace, settings file, values by position and ``key=value`` words.

    Raises:
        InputError: A word fits nowhere, or an option lacks its value.
    """
    flags: set[str] = set()
    workspace: str | None = None
    config: Path | None = None
    values: dict[str, Any] = {}
    overrides: list[str] = []
    loose: list[str] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word in FLAGS:
            flags.add(word)
        elif word.startswith("--"):
            name, sign, value = word[2:].partition("=")
            if not sign:
                if not queue:
                    raise InputError(f"'{word}' lacks its value.", todo=f"Write {word} VALUE.")
                value = queue.pop(0)
            if name == "workspace":
                workspace = value
            elif name == "config":
                config = Path(value)
            else:
                overrides.append(f"{name.replace('-', '_')}={value}")
        elif is_setting(word):
            overrides.append(word)
        elif verb.config and config is None and word.endswith((".yaml", ".yml")):
            config = Path(word)
        else:
            loose.append(word)
    for name in verb.positionals:
        if name.endswith("..."):
            if loose:
                values[name[:-3]] = loose
                loose = []
        elif loose:
            values[name] = loose.pop(0)
    if loose:
        usage = " ".join(verb.positionals).upper() or "key=value"
        raise InputError(f"'{loose[0]}' fits nowhere.", todo=f"Usage: workbench {verb.name} {usage} key=value ...")
    return flags, workspace, config, values, overrides


def is_setting(word: str) -> bool:
    """Whether a word reads ``key=value``; a path that holds '=' does not, if it has a separator before it."""
    name, sign, _ = word.partition("=")
    return bool(sign) and all(part.isidentifier() or part.replace("-", "_").isidentifier() for part in name.split("."))


def overview() -> str:
    """The text of ``workbench --help``."""
    lines = [
        "workbench: pretraining on your own DICOM scans, fine-tuning on few labels, and how many labels you need.",
        "",
        "Usage: workbench COMMAND [ARGUMENTS] [key=value ...] [--workspace DIR] [--json] [--quiet]",
    ]
    for section in dict.fromkeys(verb.section for verb in VERBS.values()):
        lines += ["", f"{section}:"]
        lines += [f"  {verb.name:<16} {verb.summary}" for verb in VERBS.values() if verb.section == section]
    lines += ["", "'workbench COMMAND --help' lists a command's settings. Exit codes: 0 done, 1 failed, 2 wrong input."]
    return "\n".join(lines)


def describe(verb: Verb) -> str:
    """The text of ``workbench COMMAND --help``: usage and every setting with its default."""
    model, _ = verb.load()
    words = ["[CONFIG.yaml]"] if verb.config else []
    words += [name.upper() for name in verb.positionals]
    lines = [
        f"workbench {verb.name}: {verb.summary}",
        "",
        f"Usage: workbench {' '.join([verb.name, *words])} key=value ...",
    ]
    lines += ["", "Settings:", *setting_lines(model)]
    return "\n".join(lines)


def setting_lines(model: type[Any]) -> list[str]:
    """Two lines per setting: name with default, and description."""
    lines = []
    for name, default, description in setting_rows(model):
        lines.append(f"  {name} {'(required)' if default is None else f'= {default}'}")
        if description:
            lines.append(f"      {description}")
    return lines


def setting_rows(model: type[Any], prefix: str = "") -> list[tuple[str, str | None, str]]:
    """Name, default (None when required) and description of each setting; nested ones by their dotted names."""
    rows: list[tuple[str, str | None, str]] = []
    for name, field in model.model_fields.items():
        shown = prefix + (field.alias or name)
        inner = field.annotation
        if isinstance(inner, type) and hasattr(inner, "model_fields"):
            rows += setting_rows(inner, f"{shown}.")
            continue
        default = None if field.is_required() else str(field.get_default(call_default_factory=True))
        rows.append((shown, default, field.description or ""))
    return rows


def report_fault(error: BaseException, words: Sequence[str]) -> str:
    """A fault of the program itself: the traceback goes to a file, the user gets a sentence and the file's name."""
    import tempfile

    from workbench.faults import told, trace

    file = Path(tempfile.gettempdir()) / f"workbench-fault-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    text = f"workbench {' '.join(words)}\n\n{trace(error)}"
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    return f"The program met a fault of its own ({told(error)}). What to do: report it with the details in {file}."


if __name__ == "__main__":
    sys.exit(main())
