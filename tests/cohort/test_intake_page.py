from __future__ import annotations

import re

from tests.cohort.test_intake import numbers
from workbench.cohort.decisions import Act
from workbench.cohort.intake_page import page

PICTURE = "data:image/jpeg;base64,AAAA"
ACTS = (
    Act(1, (("exclude", "scan", "S1"), ("exclude", "scan", "S2")), "hand", "bo", "2026-01-02T03:04:05", undone=True),
    Act(2, (("withdraw", "act", "1"),), "undone", "ann", "2026-01-02T03:05:05"),
)


def test_the_page_is_self_contained_escaped_and_has_the_figures_first():
    found = page("c<x>", numbers(), acts=ACTS, examples={"b": [("SAAA", "likeness <1>", PICTURE)]})
    assert "http" not in found and "<script" not in found and "url(" not in found
    assert set(re.findall(r"src='([^']*)'", found)) == {PICTURE}
    assert "&lt;b&gt;" in found and "c&lt;x&gt;" in found and "A stop &amp; more." in found and "&lt;1&gt;" in found
    assert "12,480 files seen = 11,902 used + 578 refused." in found
    assert "Inside archives: 4 files = 3 used + 1 refused." in found
    order = ["need your decision", "Files by outcome", "Pictures by modality", "A stop &amp; more", "A note", "Settled"]
    places = [found.index(word) for word in order]
    assert places == sorted(places)


def test_every_picture_and_figure_has_words_for_it():
    found = page("c", numbers(), examples={"b": [("SAAA", "", PICTURE)]})
    assert all(" alt='" in tag for tag in re.findall(r"<img[^>]*>", found))
    assert "alt='Title, picture SAAA'" in found
    assert "aria-label='Files by outcome: image 11,902, not_dicom (refused) 578'" in found


def test_levels_are_told_in_words_and_decisions_with_their_command():
    found = page("chest", numbers())
    assert "■ needs your decision" in found and "○ for your information" in found
    assert "Until somebody decides: they stay." in found
    assert "<code>workbench decide chest exclude finding=b</code> to leave these pictures out" in found
    assert "Decided: kept as it is</b>, by ann on 2026-01-02 (seen)" in found
    assert "<a href='findings/Q1-b.csv'>list of 2 pictures</a>" in found


def test_what_is_the_same_everywhere_needs_no_figure():
    found = page("c", numbers())
    assert "The same for all pictures: bit depth 12." in found
    assert "Pictures by bit depth" not in found and "Pictures by site" not in found
    ages = re.search(r"aria-label='Pictures by age in years: ([^']*)'", found)
    assert ages and ages[1] == "20 to 29 10, 30 to 39 900, not stated 10,992"


def test_the_journal_and_the_privacy_ledger():
    found = page("c", numbers(), acts=ACTS)
    assert "exclude 2 x scan (undone)" in found and found.index("withdraw act") < found.index("exclude 2 x scan")
    assert "(0008,0060) Modality" in found and "(0028,0010) Rows" not in found and "1 further attribute" in found
    assert "Nobody has signed a contact sheet yet" in found
    sheet = {"suspects": 1, "signed_by": "Dr Ray", "signed_when": "2026-01-02"}
    assert "last signed by Dr Ray on 2026-01-02" in page("c", numbers(contact_sheet=sheet))
    assert "Nothing was decided yet." in page("c", numbers(findings=[])) and "None." in page("c", numbers(findings=[]))
