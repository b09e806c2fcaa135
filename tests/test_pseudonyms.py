"""Keyed hashes of names: the same under one key, unlike under two, and a key file that others cannot read."""

import hashlib
import hmac
import stat

import pytest

from input_pipeline.errors import UserError
from input_pipeline.pseudonyms import Pseudonyms, default_key_file


def test_a_hash_is_hmac_sha256_of_the_parts_with_their_lengths():
    key = bytes(range(32))
    message = b"\0\0\0\7subject" + b"\0\0\0\4anna"
    assert Pseudonyms(key).subject("anna") == "s" + hmac.new(key, message, hashlib.sha256).hexdigest()[:16]


def test_names_are_kept_apart_and_keys_too():
    one, other = Pseudonyms(b"1" * 32), Pseudonyms(b"2" * 32)
    assert one.subject("anna") == Pseudonyms(b"1" * 32).subject("anna")
    ids = {
        one.subject("anna"),
        one.subject("bert"),
        other.subject("anna"),
        one.clip("anna", "smile", "ab"),
        one.clip("anna", "rest", "ab"),
        one.clip("annas", "mile", "ab"),
        one.clip("bert", "smile", "ab"),
        one.clip("anna", "smile", "cd"),
    }
    assert len(ids) == 8
    assert one.key_id != other.key_id


def test_the_key_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "deep" / "subject.key"
    first, made = Pseudonyms.open(path)
    second, again = Pseudonyms.open(path)
    assert (made, again) == (True, False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.subject("anna") == second.subject("anna")
    assert Pseudonyms.open(tmp_path / "other.key")[0].subject("anna") != first.subject("anna")


def test_a_key_that_others_may_read_or_that_is_none_is_refused(tmp_path):
    path = tmp_path / "subject.key"
    Pseudonyms.open(path)
    path.chmod(0o640)
    with pytest.raises(UserError, match=r"others may read it \(mode 640\): chmod 600"):
        Pseudonyms.open(path)
    path.chmod(0o600)
    for content in (b"", b"anna\n", b"\xff" * 64, b"ab" * 31):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"subject\.key: (no key in it|cannot be read)"):
            Pseudonyms.open(path)
    with pytest.raises(UserError, match="cannot be read or made"):
        Pseudonyms.open(path / "below")


def test_the_default_lies_in_the_users_own_configuration(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert default_key_file() == tmp_path / "tramp-jax" / "subject.key"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", "/home/x")
    assert str(default_key_file()) == "/home/x/.config/tramp-jax/subject.key"
