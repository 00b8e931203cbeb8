"""Rings of keys: how they are written, and that no weak or malformed one is taken."""

from base64 import urlsafe_b64decode

import pytest
from secure_flask.settings import keyrings

KEY = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"  # RFC 8037's example

UNUSABLE = {
    "nothing": "",
    "commas and spaces": " ,, ",
    "an id alone": "1",
    "no key": "1:",
    "no id": f":{KEY}",
    "a key alone": KEY,
    "a key too short": f"1:{KEY[:-2]}",
    "a key too long": f"1:{KEY}AAAA",
    "a key all zero": f"1:{'A' * 43}",
    "a word as key": f"1:{'abab' * 11}",
    "a key that counts up": "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    "no base64": f"1:{'é' * 43}",
    "an id with a space": f"a b:{KEY}",
    "an id with a quote": f"1':{KEY}",
    "an id beyond ASCII": f"ключ:{KEY}",
    "an id twice": f"1:{KEY},{keyrings.new_key('1')}",
    "a key twice": f"1:{KEY},2:{KEY}",
    "one bad key of two": f"1:{KEY},2:short",
}


@pytest.mark.asvs("11.2.3", "11.5.1")
def test_a_new_key_is_an_id_and_32_random_bytes() -> None:
    written = {keyrings.new_key("a") for _ in range(3)}
    assert len(written) == 3
    parts = [key.partition(":") for key in written]
    assert [key_id for key_id, _, _ in parts] == ["a"] * 3
    assert [len(urlsafe_b64decode(f"{encoded}=")) for _, _, encoded in parts] == [32] * 3


def test_a_ring_is_read_in_its_order() -> None:
    ring = keyrings.read_keyring(f"new:{KEY}, {keyrings.new_key('1')} ,")
    assert list(ring) == ["new", "1"]
    assert ring["new"] == urlsafe_b64decode(f"{KEY}=")


@pytest.mark.asvs("11.2.3")
@pytest.mark.parametrize("ring", UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_ring_is_refused_with_the_command_that_makes_a_key(ring: str) -> None:
    with pytest.raises(ValueError, match="must read id:key,id:key") as refused:
        keyrings.read_keyring(ring)
    assert keyrings.HOW_TO_MAKE_ONE in str(refused.value)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("key_id", ["a", "0", "01", "-1", "1.5", "4294967296", "¹", "٣"])
def test_an_id_that_is_no_number_of_four_bytes_is_refused(key_id: str) -> None:
    with pytest.raises(ValueError, match="must"):
        keyrings.read_numbered_keyring(f"{keyrings.new_key('1')},{keyrings.new_key(key_id)}")
