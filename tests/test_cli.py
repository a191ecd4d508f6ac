import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import Field

from workbench import cli, verbs
from workbench.config import Result, Settings
from workbench.errors import InputError, OperationFailed


class EchoSettings(Settings):
    sources: list[Path] = Field(default=[], description="Folders.")
    cohort: str = Field(description="Name.")
    size: int = Field(default=3, description="Pixels.")
    fault: str = Field(default="", description="What to raise.")


class EchoResult(Result):
    sources: list[str]
    cohort: str
    size: int
    workspace: str

    def summary(self) -> str:
        return f"{self.cohort}: {self.size}"


def echo(settings: EchoSettings, *, workspace, progress) -> EchoResult:
    if settings.fault == "input":
        raise InputError("The label file has one class.", where="labels.csv", todo="Add another.")
    if settings.fault == "failed":
        raise OperationFailed("The disk is full.")
    if settings.fault == "own":
        raise ZeroDivisionError("oops")
    if settings.fault == "disk":
        raise OSError(28, "No space left on device", "/x/y")
    progress.log("working")
    return EchoResult(
        sources=[str(source) for source in settings.sources],
        cohort=settings.cohort,
        size=settings.size,
        workspace=str(workspace.root),
    )


@pytest.fixture(autouse=True)
def echo_verb(monkeypatch: pytest.MonkeyPatch) -> None:
    verb = verbs.Verb("echo", "says it again", ("sources...",), config=True)
    monkeypatch.setattr(verbs.Verb, "load", lambda self: (EchoSettings, echo))
    monkeypatch.setitem(verbs.VERBS, "echo", verb)


def test_words_options_and_positions_become_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("size: 5\ncohort: fromfile\n")
    words = ["echo", str(config), "a", "b=c/d", "--cohort", "2024", "--workspace", str(tmp_path), "--json"]
    assert cli.main(words) == 2  # 'b=c/d' is a setting that does not exist
    assert "Unknown setting 'b'" in capsys.readouterr().err
    words[3] = "./b=c"
    assert cli.main(words) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"sources": ["a", "b=c"], "cohort": "2024", "size": 5, "workspace": str(tmp_path)}
    assert err == "working\n"


def test_key_value_words_win_over_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("size: 5\ncohort: x\n")
    assert cli.main(["echo", str(config), "size=7", "--quiet"]) == 0
    assert capsys.readouterr() == ("x: 7\n", "")


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["ehco"], 2, "Did you mean 'echo'?"),
        (["echo", "cohort=x", "siz=2"], 2, "Unknown setting 'siz'. Did you mean 'size'?"),
        (["echo", "cohort=x", "size=big"], 2, "Setting 'size' = 'big'"),
        (["echo"], 2, "The setting 'cohort' is required."),
        (["echo", "--cohort"], 2, "lacks its value"),
        (["echo", "absent.yaml"], 2, "cannot be read"),
        (["echo", "cohort=x", "fault=input"], 2, "one class. Where: labels.csv. What to do: Add another."),
        (["echo", "cohort=x", "fault=failed"], 1, "The disk is full."),
        (["echo", "cohort=x", "fault=disk"], 1, "No space left on device. Where: /x/y."),
        (["echo", "cohort=x", "fault=own"], 1, "fault of its own (ZeroDivisionError: oops)"),
    ],
)
def test_errors_are_one_message_with_the_right_code(
    words: list[str], code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == code
    err = capsys.readouterr().err
    assert text in err
    assert "Traceback" not in err


def test_a_word_too_many_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(verbs.VERBS, "echo", verbs.Verb("echo", "says", ("cohort",)))
    assert cli.main(["echo", "one", "two"]) == 2
    assert "'two' fits nowhere" in capsys.readouterr().err


def test_help_of_a_verb_lists_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["echo", "--help"]) == 0
    out = capsys.readouterr().out
    assert "Usage: workbench echo [CONFIG.yaml] SOURCES... key=value" in out
    assert "  cohort (required)\n      Name." in out
    assert "  size = 3\n      Pixels." in out


def test_overview_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in verbs.VERBS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == "0.1.0\n"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, workbench.cli as c; c.main(['--help']); "
        "heavy = {'torch','mlflow','pandas','numpy','pydicom','streamlit','monai','pydantic'} & set(sys.modules); "
        "print(sorted(heavy), file=sys.stderr)"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert time.monotonic() - began < 5
