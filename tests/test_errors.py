import pickle

from workbench.errors import InputError, OperationFailed


def test_text_says_what_where_and_what_to_do() -> None:
    error = InputError("No such column.", where="labels.csv", todo="Choose another.")
    assert str(error) == "No such column. Where: labels.csv. What to do: Choose another."
    assert str(OperationFailed("Disk full.")) == "Disk full."
    assert (InputError.exit_code, OperationFailed.exit_code) == (2, 1)


def test_errors_cross_process_borders() -> None:
    error = pickle.loads(pickle.dumps(InputError("a", where="b", todo="c")))
    assert (type(error), str(error)) == (InputError, "a Where: b. What to do: c")
