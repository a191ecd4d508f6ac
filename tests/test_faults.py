from __future__ import annotations

import pytest

from workbench.errors import InputError
from workbench.faults import told, trace


def raised_by(call) -> BaseException:
    with pytest.raises(Exception) as caught:
        call()
    return caught.value


def parse():
    from pydicom.valuerep import DA

    DA("Doe^Jane, 19610203, no date")


def wrapped():
    try:
        parse()
    except ValueError as error:
        raise RuntimeError("cannot go on") from error


def test_a_users_error_is_told_as_it_stands():
    assert told(InputError("No such column.", where="labels.csv")) == "No such column. Where: labels.csv."


def test_an_error_of_our_own_is_told_with_its_text_in_one_line():
    assert told(ZeroDivisionError("oops\nand more")) == "ZeroDivisionError: oops"
    assert told(KeyError()) == "KeyError"


def test_the_text_of_an_error_of_a_reader_is_not_told():
    error = raised_by(parse)
    assert "Doe" in str(error)
    assert told(error) == type(error).__name__


def test_a_trace_names_the_places_and_not_the_values():
    text = trace(raised_by(wrapped))
    assert "valuerep.py" in text and text.rstrip().endswith("RuntimeError: cannot go on") and "led to:" in text
    said = [line for line in text.splitlines() if not line.startswith("    ")]  # lines of source code stand as they are
    assert not any("Doe" in line or "1961" in line for line in said)


def in_another_process(number: int) -> None:
    if number:
        parse()
    raise ZeroDivisionError("oops")


def test_errors_of_other_processes_are_judged_by_where_they_came_from():
    from workbench.runs.engine import map_tasks

    found = {result.index: result.error for result in map_tasks(in_another_process, [0, 1], workers=1)}
    assert found[0] == "ZeroDivisionError: oops"
    assert found[1] and "Doe" not in found[1]
