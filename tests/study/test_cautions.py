from __future__ import annotations

from workbench.study.cautions import DIFFERS, FALLS, FEW, Caution, in_sentences, listed


def entry(arm: str, *cautions: Caution) -> dict:
    return {"arm": arm, "cautions": [vars(each) for each in cautions], "warnings": [str(each) for each in cautions]}


def test_one_sentence_names_the_arms() -> None:
    found = in_sentences(
        [
            entry("MAE", Caution(DIFFERS, 0.0), Caution(FEW, 60)),
            entry("SimCLR", Caution(DIFFERS, 0.0123), Caution(FEW, 60)),
            entry("pixels", Caution(FALLS), Caution(FEW, 60)),
            entry("none"),
        ]
    )
    assert found == [
        "Labels saved by MAE (p < 0.001) and SimCLR (p = 0.012) differ between budgets: no single factor is given.",
        "With 60 test patients the labels saved are barely informative; 300 or more are needed.",
        "A curve of pixels or of the reference falls with more labels by more than chance explains; "
        "labels saved are not computed.",
    ]


def test_alone() -> None:
    assert str(Caution(DIFFERS, 0.04)) == "Labels saved differ between budgets (p = 0.040): no single factor is given."
    assert str(Caution(FALLS)).startswith("A curve falls with more labels")
    assert listed(["a"]) == "a" and listed(["a", "b", "c"]) == "a, b and c"


def test_a_summary_of_before_still_tells_each_once() -> None:
    old = [{"arm": "a", "warnings": ["It falls.", "Few."]}, {"arm": "b", "warnings": ["It falls."]}]
    assert in_sentences(old) == ["It falls.", "Few."]
    assert in_sentences([]) == []


def test_what_is_not_finite_in_the_file_is_read() -> None:
    falls = {"arm": "a", "cautions": [{"kind": FALLS, "value": None}], "warnings": []}
    assert len(in_sentences([falls])) == 1
