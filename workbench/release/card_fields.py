"""What a model card says, field by field: which the program fills in, and which only people can.

The fields follow Model Cards (Mitchell et al., FAccT 2019), CLAIM 2024 and TRIPOD+AI (Collins et al., BMJ 2024); no
claim is made that a filled card complies with any of them.
"""

from __future__ import annotations

from dataclasses import dataclass

RUN, PERSON, AUDIT, REVIEW = "the run", "a person", "the audit", "the review"


@dataclass(frozen=True)
class Field:
    """One field of the card.

    Attributes:
        name: As in settings and JSON.
        title: As people read it.
        section: Under which heading.
        source: Who fills it in: ``the run``, ``a person``, ``the audit`` or ``the review``.
        hint: What belongs there.
        needed: Of which kinds of model it must be filled in before the card is complete.
    """

    name: str
    title: str
    section: str
    source: str
    hint: str = ""
    needed: tuple[str, ...] = ("classifier", "encoder")


ONLY = ("classifier",)
FIELDS = (
    Field("model", "Model", "What it is", RUN),
    Field("question", "Question", "What it is", RUN, needed=ONLY),
    Field("intended_use", "Intended use", "What it is for", PERSON, "Who may use it, on which pictures, to do what."),
    Field("not_for", "Not for", "What it is for", PERSON, "Uses that it was not made for."),
    Field("data", "Pictures", "Data", RUN),
    Field("data_dates", "Dates of the pictures", "Data", PERSON, "From when to when, in years.", ()),
    Field("de_identification", "De-identification", "Data", RUN),
    Field("pool", "Learnt without labels from", "Data", RUN),
    Field("labels", "Labels", "Labels", RUN, needed=ONLY),
    Field(
        "labelled_by",
        "Who labelled, and how",
        "Labels",
        PERSON,
        "Reports, readers or a reference test; how many.",
        ONLY,
    ),
    Field("training", "Training", "Training", RUN),
    Field("evaluation", "Test", "Test", RUN, needed=ONLY),
    Field("groups", "Groups of patients", "Test", AUDIT, "From the subgroup audit.", ONLY),
    Field("review", "Review by people", "Test", REVIEW, "From the signed review.", ()),
    Field("limits", "Known limits", "Limits", RUN),
    Field("further_limits", "Further limits", "Limits", PERSON, "What you know besides.", ()),
    Field("not_tested", "What was not tested", "Limits", RUN),
    Field("licence", "Licence", "Terms", PERSON, "Under which terms it may be used."),
    Field("contact", "Contact", "Terms", PERSON, "Whom to ask and to tell of errors; a role or office, not a patient."),
)
BY_PEOPLE = tuple(field for field in FIELDS if field.source == PERSON)


def field(name: str) -> Field:
    """A field by its name."""
    return next(field for field in FIELDS if field.name == name)
