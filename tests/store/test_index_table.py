import pyarrow.parquet as pq
import pytest

from workbench.errors import OperationFailed
from workbench.store.index_table import COLUMNS, iterate_columns, lacking, read_column, read_facts, write_index


def scan(name, slot):
    return [name, slot, 0, 0, 8, 8, None, 1.5, "int16", 12, -1000.0, 400.0, "CT", f"hash of {name}"]


def record(shard, *names):
    return {"shard": shard, "scans": [scan(name, slot) for slot, name in enumerate(names)]}


def test_rows_are_numbered_and_kept_when_more_are_added(tmp_path):
    file = tmp_path / "index.parquet"
    assert write_index(file, before=None, records=[record("a", "s0", "s1")], facts={"digest": "x"}, drop=set()) == 2
    assert write_index(file, before=file, records=[record("b", "s2")], facts={"digest": "y"}, drop=set()) == 3
    table = pq.read_table(file).to_pydict()
    assert list(table) == [name for name, _ in COLUMNS]
    assert table["scan_id"] == ["s0", "s1", "s2"]
    assert table["row"] == [0, 1, 2]
    assert table["shard"] == ["a", "a", "b"]
    assert table["slot"] == [0, 1, 0]
    assert table["spacing_row_mm"] == [None] * 3 and table["spacing_column_mm"] == [1.5] * 3
    assert read_facts(file) == {"digest": "y"}
    assert not list(tmp_path.glob("*.tmp"))


def test_rows_of_lost_shards_go(tmp_path):
    file = tmp_path / "index.parquet"
    write_index(file, before=None, records=[record("a", "s0"), record("b", "s1")], facts={}, drop=set())
    write_index(file, before=file, records=[record("c", "s0")], facts={}, drop={"a"})
    assert list(iterate_columns(file, ["scan_id", "row"])) == [("s1", 0), ("s0", 1)]
    assert read_column(file, "shard").to_pylist() == ["b", "c"]


def test_a_damaged_index_is_told(tmp_path):
    file = tmp_path / "index.parquet"
    file.write_bytes(b"PAR1 no more")
    with pytest.raises(OperationFailed, match="index of the store is damaged"):
        read_facts(file)
    with pytest.raises(OperationFailed, match="workbench prepare"):
        read_column(file, "row")
    with pytest.raises(OperationFailed, match="damaged"):
        list(iterate_columns(file, ["row"]))


def test_what_an_earlier_version_did_not_write_is_named(tmp_path):
    file = tmp_path / "index.parquet"
    facts = {"digest": "x", "scans": 1, "shards": {}}
    write_index(file, before=None, records=[record("a", "s0")], facts=facts, drop=set())
    assert lacking(file) == ([], [])
    write_index(file, before=file, records=[], facts={"digest": "x"}, drop=set())
    assert lacking(file) == (["scans", "shards"], [])
    pq.write_table(pq.read_table(file).drop_columns(["content", "low"]), file)
    assert lacking(file) == (["scans", "shards"], ["low", "content"])
