"""The table that comes with AsymNAS is whole, and of the shipped space."""

from __future__ import annotations

import pytest

from asymnas.cli._bench import SHIPPED
from asymnas.space import load_space
from asymnas.study import read_table


@pytest.mark.skipif(not SHIPPED.is_file(), reason="the table is not built yet")
def test_the_shipped_table_is_of_the_shipped_space():
    table = read_table(SHIPPED)
    assert table.header.space_hash == load_space("audiovisual_table").hash
    assert table.arrays["values"].shape == (1024, table.header.seeds, 2, 4) and table.header.seeds >= 3
    assert SHIPPED.stat().st_size < 5_000_000
    assert 0.3 < table.truth.mean() < table.truth.max() < 0.95
