"""A finding: what a rule found, how grave it is, which scans it concerns, and what can be decided about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.config import digest_of

LEVELS = {
    "stop": "needs your decision",
    "warn": "worth a look",
    "exclude": "taken out",
    "note": "for your information",
}
"""How grave a finding is, gravest first, and the words for people."""

CHOICES = {
    "keep": "leave everything as it is",
    "exclude": "leave these pictures out",
    "include": "use these pictures all the same",
}
"""What can be decided about a finding."""


@dataclass(frozen=True)
class Finding:
    """What one rule found.

    Attributes:
        rule: The rule's number, such as ``Q4``.
        code: A word for this kind of finding, such as ``blank``.
        level: ``stop``, ``warn``, ``exclude`` or ``note``.
        title: A few words for a heading.
        sentence: What was found, for people.
        count: How many of what the sentence counts.
        default: What happens as long as nobody decides.
        choices: What can be decided: words of ``CHOICES``.
        scans: The scans it concerns, in order of interest: the first ones are shown.
        details: One short text per scan, or nothing.
        files: Path keys, where it concerns files instead of scans.
        hidden: Whether the pictures may show a name or a face, so that the report must not show them.
    """

    rule: str
    code: str
    level: str
    title: str
    sentence: str
    count: int
    default: str = ""
    choices: tuple[str, ...] = ()
    scans: Sequence[str] = field(default=(), repr=False)
    details: Sequence[str] = field(default=(), repr=False)
    files: Sequence[str] = field(default=(), repr=False)
    hidden: bool = False

    @property
    def key(self) -> str:
        """What a decision about this finding refers to: a finding that grew or shrank asks anew."""
        return f"{self.code}:{digest_of([self.count, sorted(self.scans), sorted(self.files)])[:8]}"

    @property
    def file_name(self) -> str:
        """The CSV file of its keys."""
        return f"{self.rule}-{self.code}.csv"

    def plain(self, decided: dict[str, str] | None = None, *, cohort: str = "NAME") -> dict[str, Any]:
        """The finding for ``intake.json``: everything but the list of scans; commands name the cohort."""
        return {
            "rule": self.rule,
            "code": self.code,
            "level": self.level,
            "title": self.title,
            "sentence": self.sentence.replace("decide NAME", f"decide {cohort}"),
            "count": self.count,
            "scans": len(self.scans),
            "default": self.default.replace("decide NAME", f"decide {cohort}"),
            "choices": list(self.choices),
            "list": f"findings/{self.file_name}" if len(self.scans) or len(self.files) else "",
            "key": self.key,
            "decided": decided,
        }


def number_of(number: int, noun: str, one: str = "", many: str = "") -> str:
    """A number with its noun, and a verb that fits it."""
    verb = one if number == 1 else many
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number:,} {noun if number == 1 else plural}{' ' + verb if verb else ''}"


def percent(share: float) -> str:
    """A share as a percentage that is never rounded to none or all."""
    if 0 < share < 0.01:
        return "less than 1 %"
    if 0.99 < share < 1:
        return "more than 99 %"
    return f"{100 * share:.0f} %"
