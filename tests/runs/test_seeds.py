from workbench.runs.seeds import mix


def test_known_values_hold_on_every_machine() -> None:
    assert mix(0) == 6711488920161924273
    assert mix(1, "draw", 3) == 9037328787747535731


def test_parts_order_and_kind_count() -> None:
    values = {mix(1, 2), mix(2, 1), mix(12), mix("1", 2), mix("1", "2"), mix(1, "2")}
    assert len(values) == 6
