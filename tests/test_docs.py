"""The snippets of README and docs: every command's words fit its settings; the tutorial's and README's run."""

import re
import shlex
from pathlib import Path

import pytest

from workbench import cli
from workbench.config import load_settings
from workbench.sources.phantom_cohort import make_cohort
from workbench.verbs import VERBS

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def commands(page: Path) -> list[list[str]]:
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("workbench ")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_shown_fits_its_settings(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for words in commands(page):
        verb = VERBS[words[1]]
        _, _, config, values, overrides = cli.parse(verb, words[2:])
        load_settings(verb.load()[0], file=config, overrides=overrides, values=values)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    absent = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert absent == []


def test_reference_of_settings_is_up_to_date() -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.FILE.read_text(encoding="utf-8") == module.reference(), "run: make docs"


def test_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    make_cohort(tmp_path / "phantom", patients=6, seed=0, lesion_cm=2.0, pixels=64, workers=1)
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(ROOT / "README.md", "python")
    exec(compile(code, "README.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\(\d+, \d+\) \w+ \(.*\)", said[0])
    assert "6 patients" in said[1]


@pytest.mark.slow
def test_the_tutorial_runs_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    for words in commands(ROOT / "docs" / "tutorial" / "demo.md"):
        code = cli.main([*words[1:], "--quiet"])
        out, err = capsys.readouterr()
        assert code == 0, f"{shlex.join(words)}\n{out}\n{err}"
    assert (tmp_path / "runs/study/answer/report.html").stat().st_size < 6_000_000
    assert (tmp_path / "features.npz").is_file()


def test_python_of_the_labelling_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks(ROOT / "docs" / "how-to" / "labelling.md", "python")
    exec(compile(code, "labelling.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("With 150 labelled test patients, a difference of 0.1")
    assert said[1].endswith("test patients show a difference of 0.05")
