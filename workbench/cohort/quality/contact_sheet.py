"""The contact sheet: every picture that may carry text, and some others, for a person to look through and sign.

No automatic pass can promise that no name is there. The sheet lies in the cohort's ``private/`` folder, for it may show
what it is looking for.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.cohort import decisions
from workbench.cohort.cohort import Cohort
from workbench.cohort.decisions import Act
from workbench.cohort.quality import privacy, shrunken
from workbench.cohort.quality.evidence import Evidence
from workbench.config import digest_of
from workbench.errors import InputError
from workbench.runs.status import write_text

PAGE = "contact_sheet.html"
FACTS = "contact_sheets.json"
OTHERS = 50
SIDE = 384
STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 1.5rem; color: #1c2733; background: #fff; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1rem; }
figure { margin: 0; border: 3px solid #b8c4cf; padding: .3rem; break-inside: avoid; }
figure.suspect { border-color: #D55E00; } img { width: 100%; background: #000; display: block; }
figcaption { font-size: .8rem; overflow-wrap: anywhere; } code { background: #eef2f5; padding: 0 .2rem; }
"""


@dataclass(frozen=True)
class Sheet:
    """A contact sheet that was made.

    Attributes:
        digest: Its name, by what it shows.
        file: The page.
        suspects: Pictures with a sign of text.
        others: Pictures without one.
        left_out: Suspects beyond the limit.
        missing: Pictures that could not be shown.
    """

    digest: str
    file: Path
    suspects: int
    others: int
    left_out: int
    missing: int


def make(cohort: Cohort, evidence: Evidence, *, limit: int, workers: int = 0) -> Sheet:
    """Write ``private/contact_sheet.html`` and remember what it shows.

    Of a clip one frame stands for all: what is burned in is burned into each.

    Args:
        cohort: The cohort, with its private folder.
        evidence: Its scans.
        limit: Suspects to show at most, the most telling first.
        workers: Processes for decoding.

    Raises:
        InputError: The private folder is not at hand.
    """
    if not (cohort.private / "paths.parquet").is_file():
        raise InputError(
            f"The private part of the cohort '{cohort.name}' is not here.",
            where=cohort.folder,
            todo="Make the contact sheet where the cohort was indexed.",
        )
    signs = privacy.suspects(evidence)
    order = list(privacy.RULES)
    ranked = sorted(signs, key=lambda scan: (signs[scan] == ["B3"], order.index(signs[scan][0]), scan))
    one_each = _one_per_instance(evidence, ranked)
    shown, left_out = one_each[:limit], max(0, len(one_each) - limit)
    unsuspected = _one_per_instance(evidence, [scan for scan in evidence.scans["scan_id"] if scan not in signs])
    others = sorted(unsuspected, key=lambda scan: hashlib.sha256(scan.encode()).digest())[:OTHERS]
    pictures = shrunken.thumbnails(cohort, [*shown, *others], SIDE, workers=workers)
    digest = digest_of([sorted(shown), sorted(others)])[:8]
    write_text(cohort.private / PAGE, _page(cohort.name, digest, shown, others, signs, pictures, left_out))
    (cohort.private / PAGE).chmod(0o600)
    there = _known(cohort.folder)
    there[digest] = {"scans": [scan for scan in shown if scan in pictures], "others": len(others)}
    write_text(cohort.private / FACTS, json.dumps(there))
    missing = sum(scan not in pictures for scan in [*shown, *others])
    return Sheet(digest, cohort.private / PAGE, len(shown), len(others), left_out, missing)


def sign(cohort: Cohort, evidence: Evidence, *, who: str, reason: str, named: Sequence[str]) -> tuple[str, int]:
    """Record that a person looked through the latest sheet; pictures with a name on them are excluded.

    Args:
        cohort: The cohort.
        evidence: Its scans.
        who: Who looked.
        reason: A few words.
        named: Scan ids of pictures on which a name or a number of a person stands; other frames of their instances
            go with them.

    Returns:
        The sheet's name, and the number of scans excluded.

    Raises:
        InputError: No sheet was made, or a scan is not in the cohort.
    """
    known = _known(cohort.folder)
    if not known:
        raise InputError(
            "No contact sheet was made yet.",
            todo=f"Make it with 'workbench decide {cohort.name} sheet', and look through it.",
        )
    digest = list(known)[-1]
    scans = evidence.scans
    absent = set(named) - set(scans["scan_id"])
    if absent:
        raise InputError(f"There is no scan {sorted(absent)[0]} in the cohort '{cohort.name}'.")
    instances = scans.loc[scans["scan_id"].isin(set(named)), "instance_key"]
    out = scans.loc[scans["instance_key"].isin(instances), "scan_id"].tolist()
    lines = [("sign", "sheet", digest), *(("exclude", "scan", scan) for scan in out)]
    decisions.add_act(cohort.folder, lines, reason=reason, who=who)
    return digest, len(out)


def signed_for(folder: Path, scans: Sequence[str], evidence: Evidence) -> Act | None:
    """The signature that covers all of these scans, or None."""
    signed = decisions.confirmed(folder, "sheet")
    if not signed or not len(scans):
        return None
    known = _known(folder)
    seen = {scan for digest in signed for scan in known.get(digest, {}).get("scans", ())}
    instances = evidence.scans.set_index("scan_id")["instance_key"]
    covered = set(instances.reindex(list(seen)).dropna())
    if all(instances.get(scan) in covered for scan in scans):
        return list(signed.values())[-1]
    return None


def state(cohort: Cohort, evidence: Evidence) -> dict[str, Any]:
    """For ``intake.json``: suspects, and the last signature."""
    signed = list(decisions.confirmed(cohort.folder, "sheet").values())
    return {
        "suspects": len(privacy.suspects(evidence)),
        "signed_by": signed[-1].who if signed else "",
        "signed_when": signed[-1].when[:10] if signed else "",
    }


def _known(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "private" / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _one_per_instance(evidence: Evidence, scan_ids: Sequence[str]) -> list[str]:
    instance = dict(zip(evidence.scans["scan_id"], evidence.scans["instance_key"], strict=True))
    first: dict[str, str] = {}
    for scan in scan_ids:
        first.setdefault(instance[scan], scan)
    return list(first.values())


def _page(
    cohort: str,
    digest: str,
    shown: list[str],
    others: list[str],
    signs: dict[str, list[str]],
    pictures: dict[str, bytes],
    left_out: int,
) -> str:
    name = html.escape(cohort)
    more = f" {left_out:,} further suspects are not on this sheet; ask for more with limit=." if left_out else ""
    head = (
        f"<h1>Contact sheet of {name}</h1><p>{len(shown):,} pictures that may carry text (orange frame), and "
        f"{len(others):,} others drawn at random.{more}</p>"
        "<p>Look for names, numbers of patients, birth dates. This page may show them: it must not leave the private "
        "folder.</p>"
        f"<p>When you have looked through all: <code>workbench decide {name} sign='YOUR NAME'</code>. If a name stands "
        f"on some: <code>workbench decide {name} sign='YOUR NAME' scans=S...,S...</code>, which leaves these out. "
        f"Sheet {digest}.</p><p>Looked through by: ______________________ on: ______________</p>"
    )
    figures = []
    for scan in [*shown, *others]:
        words = "; ".join(f"{rule}: {privacy.RULES[rule]}" for rule in signs.get(scan, ()))
        kind = " class=suspect" if words else ""
        image = (
            f"<img loading=lazy alt='Picture {scan}' src='{shrunken.data_uri(pictures[scan])}'>"
            if scan in pictures
            else "<p>This picture could not be shown: look at its file.</p>"
        )
        figures.append(f"<figure{kind}>{image}<figcaption><b>{scan}</b><br>{html.escape(words)}</figcaption></figure>")
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Contact sheet of {name}</title><style>{STYLE}</style></head><body>{head}"
        f"<main>{''.join(figures)}</main></body></html>\n"
    )
