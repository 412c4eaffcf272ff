from __future__ import annotations

import pytest

from ultramm.errors import DataError
from ultramm.journal.open import open_journal
from ultramm.journal.redis_streams import RedisJournal
from ultramm.journal.sqlite import SqliteJournal


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}"])
def test_a_file_is_named_by_its_path_or_its_address(tmp_path, form):
    path = tmp_path / "journal.db"
    journal = open_journal(form.format(path), create=True)
    assert isinstance(journal, SqliteJournal)
    assert journal.place == str(path)
    journal.close()


def test_the_only_journal_of_a_redis_needs_no_name_and_one_of_several_does(redis_process):
    address = redis_process().address
    with pytest.raises(DataError, match="no journal here; start a node first"):
        open_journal(address)
    first = open_journal(f"{address}#first", create=True)
    found = open_journal(address)
    assert isinstance(found, RedisJournal)
    assert found.place == f"{address}#first"
    second = open_journal(f"{address}#second", create=True)
    with pytest.raises(DataError, match=f"journals of first, second are here; say which, such as {address}#first"):
        open_journal(address)
    for journal in (first, found, second):
        journal.close()


def test_a_name_comes_after_a_password_that_may_hold_anything(redis_process):
    port = redis_process("--requirepass", "a#b@c").port
    journal = open_journal(f"redis://:a#b@c@127.0.0.1:{port}/1#demo", create=True)
    assert journal.place == f"redis://****@127.0.0.1:{port}/1#demo"
    journal.close()


def test_a_redis_that_is_not_there_and_an_address_that_is_none_are_told(redis_process):
    server = redis_process()
    server.stop()
    with pytest.raises(DataError, match=f"no Redis answers at 127.0.0.1:{server.port}"):
        open_journal(f"{server.address}#demo", create=True)
    with pytest.raises(DataError, match="no address of a Redis"):
        open_journal("redis://nobody:secret@#demo")
