from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workbench.config import load_settings
from workbench.errors import InputError
from workbench.study.settings import StudySettings

ARM = {"a": {"encoder": "pixels"}}


def given(**values: Any) -> StudySettings:
    return load_settings(StudySettings, values={"cohort": "c", "arms": ARM, **values})


def test_what_is_run_by_default() -> None:
    settings = given()
    assert settings.headline == "probe"
    assert settings.budgets_of("finetune") == settings.budgets == [10, 25, 50, 100, 250, "all"]
    assert [settings.draws_of("probe", budget) for budget in (10, "all")] == [20, 1]
    assert [settings.draws_of("finetune", budget) for budget in (10, "all")] == [5, 5]


def test_fine_tuning_may_have_budgets_of_its_own() -> None:
    settings = given(finetune_budgets=[25, "all"], headline_protocol="finetune", finetune={"steps": 7})
    assert settings.budgets_of("finetune") == [25, "all"]
    assert settings.budgets_of("knn") == [10, 25, 50, 100, 250, "all"]
    assert settings.headline == "finetune"
    assert settings.finetune.steps == 7


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"arms": {}}, "at least one arm"),
        ({"arms": {"a": {}}}, "either an encoder or a features file"),
        ({"arms": {"a": {"encoder": "pixels", "features": "f.npz"}}}, "either an encoder or a features file"),
        ({"arms": {"a (b)": {"encoder": "pixels"}}}, "cannot be the name of an arm"),
        ({"budgets": []}, "budgets must be given"),
        ({"budgets": [10, 10]}, "each once"),
        ({"budgets": [10, "most"]}, "'most' is no number"),
        ({"budgets": [1]}, "at least 2"),
        ({"protocols": ["probe"], "headline_protocol": "knn"}, "one of protocols"),
        ({"protocols": ["prob"]}, "probe"),
        ({"draw": 3}, "Did you mean 'draws'"),
    ],
)
def test_settings_that_make_no_sense(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        given(**values)


@pytest.mark.parametrize("file", sorted((Path(__file__).parents[2] / "experiments" / "studies").glob("*.yaml")))
def test_templates_are_settings(file: Path) -> None:
    settings = load_settings(StudySettings, file=file, overrides=["cohort=c", "arms.SimCLR.encoder=run"])
    assert settings.headline == "finetune"
    assert settings.reference in settings.arms and "SimCLR" in settings.arms
