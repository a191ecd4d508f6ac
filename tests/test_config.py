from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from workbench.config import Settings, load_settings
from workbench.errors import InputError


class Train(Settings):
    lr: float = Field(default=0.1, description="Learning rate.")
    epochs: int = Field(default=3, ge=1, description="Passes.")


class Run(Settings):
    size: int = Field(default=64, description="Pixels.")
    name: str = Field(default="", description="Name.")
    from_: str = Field(default="", alias="from", description="Column.")
    train: Train = Train()


def test_defaults_file_values_and_words_in_that_order(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("size: 96\ntrain:\n  lr: 0.5\n  epochs: 7\n")
    settings = load_settings(
        Run, file=file, values={"train.epochs": 9}, overrides=["train.lr=1e-3", "name=123", "from=split"]
    )
    assert settings.plain() == {"size": 96, "name": "123", "from": "split", "train": {"lr": 0.001, "epochs": 9}}


def test_digest_changes_with_any_setting_and_not_with_its_spelling() -> None:
    assert Run().digest() == load_settings(Run, overrides=["train.lr=0.10"]).digest()
    assert Run().digest() != load_settings(Run, overrides=["train.lr=0.2"]).digest()
    assert len(Run().digest()) == 16


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Run().size = 3  # type: ignore[misc]


def test_yaml_reads_back(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(Run(size=5).to_yaml())
    assert load_settings(Run, file=file) == Run(size=5)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["train.lrr=1"], "Unknown setting 'train.lrr'. Did you mean 'train.lr'?"),
        (["lr=1"], "Unknown setting 'lr'. Did you mean 'train.lr'?"),
        (["zzz=1"], "Unknown setting 'zzz'. Known: size, name, from, train"),
        (["train.epochs=0"], "Setting 'train.epochs' = 0: Input should be greater than or equal to 1."),
        (["size"], "'size' is not of the form key=value."),
        (["size=[1"], "The value of 'size' cannot be read"),
    ],
)
def test_wrong_words_are_explained(words: list[str], text: str) -> None:
    with pytest.raises(InputError) as caught:
        load_settings(Run, overrides=words)
    assert text in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("content", "text"), [("- a\n", "key: value"), ("a: [", "not valid YAML")])
def test_wrong_files_are_explained(tmp_path: Path, content: str, text: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(content)
    with pytest.raises(InputError, match=text):
        load_settings(Run, file=file)


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("")
    assert load_settings(Run, file=file) == Run()


@given(st.text(max_size=30))
def test_no_word_brings_anything_but_an_input_error(word: str) -> None:
    try:
        load_settings(Run, overrides=[word])
    except InputError as error:
        assert str(error)
