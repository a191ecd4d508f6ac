"""Shortcuts: encoded, associated, used."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.audit.making import planted_site
from workbench.audit.labelled import Labelled
from workbench.audit.shortcut import shortcuts


def test_a_planted_shortcut_is_found() -> None:
    """S16, small: site goes with disease and moves features; all three signs tell in most audits."""
    kinds: dict[str, int] = {}
    verdicts = []
    for seed in range(4):
        (found,) = shortcuts(*_listed(planted_site(seed, together=0.8)))
        verdicts.append(found.verdict)
        for use in found.uses:
            kinds[use.kind] = kinds.get(use.kind, 0) + (use.p_holm < 0.05)
        assert found.encoded and found.associated
    assert verdicts.count("evidence of use") >= 3
    assert min(kinds.values()) >= 3 and set(kinds) == {"healthy", "conflict", "balanced"}


def test_the_same_site_unrelated_to_disease_is_encoded_but_not_used() -> None:
    verdicts = [shortcuts(*_listed(planted_site(seed, together=0.5)))[0].verdict for seed in range(4)]
    assert verdicts.count("encoded, no evidence of use") >= 3


def test_a_site_that_leaves_no_trace_is_not_encoded() -> None:
    (found,) = shortcuts(*_listed(planted_site(0, together=0.5, offset=0.0)))
    assert found.verdict == "not encoded"
    assert 0.3 < found.readable["model"].value < 0.65


def test_reading_is_tested_on_healthy_cases_alone() -> None:
    """Site equals disease: only few healthy patients come from B, and what the probe reads is the site."""
    material, site, labelled = planted_site(1, together=0.9)
    (found,) = shortcuts(material, [site], labelled, balanced=False)
    healthy = int((labelled.test_truth == 0).sum())
    assert found.readable["model"].n == healthy
    assert [use.kind for use in found.uses] == ["healthy", "conflict"]


def test_without_features_the_score_alone_is_looked_at() -> None:
    material, site, _ = planted_site(0, together=0.8)
    (found,) = shortcuts(material, [site], None)
    assert found.readable == {} and found.association is None
    assert found.verdict == "no evidence of use" and found.note == "no features to probe"
    assert found.uses[0].contrast.interval()[0] > 0


def test_too_few_healthy_patients_of_a_site() -> None:
    material, site, labelled = planted_site(0, together=0.5)
    rare = np.where(np.arange(len(site.values)) < 5, "C", "A")
    train = np.where(np.arange(len(labelled.truth)) < 5, "C", "A")
    attribute = replace(site, values=rare, order=("A", "C"))
    few = replace(labelled, attributes={"site": (train, rare)})
    (found,) = shortcuts(material, [attribute], few)
    assert found.verdict == "too few" and "fewer than two groups" in found.note


def test_other_features_are_read_beside_it() -> None:
    material, site, labelled = planted_site(0, together=0.5)
    noise = np.random.default_rng(0).standard_normal((2, len(labelled.truth), 4)).astype(np.float32)
    both = replace(labelled, features={**labelled.features, "random": (noise[0], noise[1])})
    (found,) = shortcuts(material, [site], both, metadata={"site": (noise[1], noise[0])}, balanced=False)
    assert list(found.readable) == ["model", "random", "other header fields"]
    assert found.readable["random"].low < 0.5 < found.readable["random"].high


def test_corrections_go_over_all_attributes() -> None:
    material, site, labelled = planted_site(0, together=0.8)
    random = np.random.default_rng(1)
    extra = {f"x{k}": (random.choice(["p", "q"], 400), random.choice(["p", "q"], 400)) for k in range(3)}
    attributes = [site, *(replace(site, name=n, values=v[1], order=("p", "q")) for n, v in extra.items())]
    more: Labelled = replace(labelled, attributes={**labelled.attributes, **extra})
    found = shortcuts(material, attributes, more, balanced=False)
    assert found[0].p_association == pytest.approx(min(1, 4 * found[0].association.p))
    p = [use.contrast.p for each in found for use in each.uses]
    best = min((use.contrast.p, use.p_holm) for each in found for use in each.uses)
    assert best[1] == pytest.approx(len(p) * best[0])
    assert all(each.verdict != "evidence of use" for each in found[1:])


def _listed(made):
    material, site, labelled = made
    return material, [site], labelled
