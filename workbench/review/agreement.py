"""How far readers and model agree, where they do not, and whether readers lean on the model.

Only the cases by chance speak about all scans; the other strata were chosen because something is odd about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.evaluation.interval import wilson
from workbench.review.queue import BAD_PICTURE, CANNOT_TELL, Queue
from workbench.review.record_chain import Record

UNSAID = (CANNOT_TELL, BAD_PICTURE)


def summarise(queue: Queue, reads: Sequence[Record], verdicts: Sequence[Record]) -> dict[str, Any]:
    """The figures of a queue.

    Args:
        queue: The queue.
        reads: Its first answers.
        verdicts: Its verdicts that stand.

    Returns:
        ``cases, done, readers, median_seconds``; ``strata``: per stratum ``cases, judged, agree`` (verdict equals the
        model's answer), with Wilson's 95 % interval of the share for those by chance; ``kappa`` of first answers and
        model (Cohen 1960), None where it is not defined; ``changed``: of the first answers that differed from the
        model's how many became the model's, and of the rest how many left it.
    """
    stratum = dict(zip(queue.cases["scan_id"], queue.cases["stratum"], strict=True))
    strata: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(queue.cases["stratum"]):
        here = [r.content for r in verdicts if stratum.get(r.content["scan_id"]) == name]
        judged = [said for said in here if said["final"] not in UNSAID]
        agree = sum(said["final"] == said["model"] for said in judged)
        low, high = wilson(agree / len(judged), len(judged)) if judged and name == "random" else (None, None)
        strata[name] = {
            "cases": int((queue.cases["stratum"] == name).sum()),
            "judged": len(judged),
            "agree": agree,
            "low": None if low is None else round(float(low), 4),
            "high": None if high is None else round(float(high), 4),
        }
    contents = [record.content for record in verdicts]
    different = [said for said in contents if said["first"] not in (*UNSAID, said["model"])]
    same = [said for said in contents if said["first"] == said["model"]]
    pairs = [(said["first"], said["model"]) for said in contents if said["first"] not in UNSAID]
    return {
        "cases": len(queue.cases),
        "done": len({said["scan_id"] for said in contents}),
        "readers": sorted({record.who for record in verdicts}),
        "median_seconds": round(float(np.median([r.content["seconds"] for r in reads])), 1) if reads else None,
        "strata": strata,
        "kappa": kappa([a for a, _ in pairs], [b for _, b in pairs]),
        "changed": {
            "differed": len(different),
            "to_model": sum(said["final"] == said["model"] for said in different),
            "agreed": len(same),
            "from_model": sum(said["final"] != said["model"] for said in same),
        },
        "unsaid": sum(said["final"] in UNSAID for said in contents),
    }


def kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Cohen's kappa of two lists of answers (Educational and Psychological Measurement 1960); None if undefined."""
    if not first:
        return None
    a, b = np.asarray(first, dtype=object), np.asarray(second, dtype=object)
    observed = float((a == b).mean())
    expected = sum(float((a == name).mean() * (b == name).mean()) for name in set(first) | set(second))
    return round((observed - expected) / (1 - expected), 4) if expected < 1 else None


def in_words(found: dict[str, Any]) -> list[str]:
    """The figures as sentences, each with its denominator."""
    lines = [f"{found['done']} of {found['cases']} cases have a verdict."]
    chance = found["strata"].get("random", {})
    if chance.get("judged"):
        lines.append(
            f"By chance: the verdict is the model's answer in {chance['agree']} of {chance['judged']} cases "
            f"({100 * chance['low']:.0f} to {100 * chance['high']:.0f} % of all)."
        )
    names = {
        "uncertain": "Where it was not sure",
        "confident": "Where it was sure",
        "disagree": "Where it and the label differed",
    }
    for name, title in names.items():
        here = found["strata"].get(name, {})
        if here.get("judged"):
            lines.append(f"{title}: in {here['agree']} of {here['judged']} cases.")
    moved = found["changed"]
    if moved["differed"] or moved["agreed"]:
        lines.append(
            f"After seeing the model's answer, readers took it over in {moved['to_model']} of {moved['differed']} "
            f"cases in which they had said something else, and left it in {moved['from_model']} of {moved['agreed']}."
        )
    if found["kappa"] is not None:
        lines.append(f"Kappa of first answers and model, over all cases: {found['kappa']:.2f}.")
    return lines
