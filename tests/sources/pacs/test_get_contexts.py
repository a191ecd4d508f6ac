from __future__ import annotations

from workbench.sources.pacs.get_contexts import CLASSES, ROOM, SYNTAXES, get_contexts, usual_classes


def test_every_class_of_a_modality_is_offered_in_every_usual_encoding():
    for modality in CLASSES:
        classes = usual_classes(modality)
        contexts = get_contexts(classes)
        assert 0 < len(contexts) <= ROOM
        offered = {(cx.abstract_syntax, cx.transfer_syntax[0]) for cx in contexts if len(cx.transfer_syntax) == 1}
        assert len(offered) == len(contexts)
        assert {(uid, syntax) for uid in classes for syntax in SYNTAXES[:14]} <= offered


def test_an_unknown_modality_has_no_usual_classes_and_is_offered_all_of_them():
    assert usual_classes("XYZ") == () and usual_classes("") == ()
    contexts = get_contexts(())
    assert 100 < len(contexts) <= ROOM and all(len(cx.transfer_syntax) > 40 for cx in contexts)


def test_many_classes_still_fit():
    assert len(get_contexts([f"1.2.{number}" for number in range(500)])) == ROOM
