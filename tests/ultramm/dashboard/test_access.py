"""Who is let in."""

from __future__ import annotations

import pytest

from ultramm.cli.dashboard import given_passwords
from ultramm.dashboard.access import Brake
from ultramm.dashboard.passwords import Passwords, hashed, is_hash
from ultramm.errors import ConfigError

KNOWN = hashed("x", b"always the same.")


def test_a_hash_is_of_its_password_alone_and_never_the_same_twice() -> None:
    one, other = hashed("open sesame"), hashed("open sesame")
    assert one != other
    assert "sesame" not in one
    assert is_hash(one)
    for text in ("", "open sesame", "scrypt:", "scrypt:AA==:AA==", one[:-8], "md5" + one[6:]):
        assert not is_hash(text)


def test_each_password_has_its_role() -> None:
    passwords = Passwords(operator=hashed("act"), viewer=hashed("see"))
    assert [passwords.role(text) for text in ("act", "see", "", "Act", "act ")] == [
        "operator",
        "viewer",
        None,
        None,
        None,
    ]
    assert Passwords(operator=hashed("act")).role("") is None


def test_guessing_becomes_slow_for_who_guesses_and_for_nobody_else() -> None:
    now = [0.0]
    brake = Brake(lambda: now[0])
    waits = []
    for _ in range(9):
        assert brake.wait_s("10.0.0.7") == 0.0
        brake.failed("10.0.0.7")
        waits.append(brake.wait_s("10.0.0.7"))
        now[0] += waits[-1]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert brake.wait_s("10.0.0.8") == 0.0
    brake.succeeded("10.0.0.7")
    brake.failed("10.0.0.7")
    assert brake.wait_s("10.0.0.7") == 1.0
    now[0] += 10_000.0
    brake.failed("10.0.0.9")
    assert len(brake._failures) == 1, "what is long ago is forgotten"


@pytest.mark.parametrize(
    ("operator", "viewer", "address", "complaint"),
    [
        ("", "", "0.0.0.0", "demands a password"),
        ("secret", "", "127.0.0.1", "A: this is no hash of a password"),
        (KNOWN, "secret", "127.0.0.1", "B: this is no hash of a password"),
        ("", KNOWN, "127.0.0.1", "B: needs A too"),
    ],
)
def test_what_cannot_keep_anybody_out_is_refused(operator: str, viewer: str, address: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        given_passwords(operator, viewer, address, "A", "B")
    assert complaint in str(caught.value)
    assert "secret" not in str(caught.value)


def test_on_this_machine_no_password_is_needed_and_beyond_it_one_is_enough() -> None:
    assert given_passwords("", "", "127.0.0.1", "A", "B") == Passwords()
    known = hashed("x")
    assert given_passwords(known, "", "0.0.0.0", "A", "B") == Passwords(operator=known)
