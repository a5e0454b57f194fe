"""The archive of an export is written while it is fetched: a part at a time, and never whole when it was cut short."""

import io
import zipfile
import zlib
from datetime import UTC, datetime
from random import Random

import pytest

from services.identity.tenant_exports import archive

AT = datetime(2026, 4, 1, 12, tzinfo=UTC)
CHANCE = Random(1)
PARTS = {
    ("prm", 0): ("prm/groups.jsonl", b'{"id": 1}\n'),
    ("prm", 1): ("prm/groups.jsonl", b'{"id": 2}\n'),
    ("prm", 3): ("prm/tiers.jsonl", '{"name": "Gull – ☀"}\n'.encode()),
    ("notifier", 0): ("notifier/tiers.jsonl", b'{"id": 3}\n'),
}
SERVICES = {"identity": {"parts": 0}, "prm": {"parts": 4}, "notifier": {"parts": 1}}


def read(parts):
    def read_part(service, number):
        part = parts.get((service, number))
        return part and (part[0], zlib.compress(part[1]))

    return read_part


def unpacked(pieces):
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as files:
        assert files.testzip() is None
        return {name: files.read(name).decode() for name in files.namelist()}


def test_parts_of_a_table_are_one_file_and_a_part_without_rows_is_none():
    assert unpacked(archive.stream("About.", AT, SERVICES, read(PARTS))) == {
        "README.txt": "About.",
        "prm/groups.jsonl": '{"id": 1}\n{"id": 2}\n',
        "prm/tiers.jsonl": '{"name": "Gull – ☀"}\n',
        "notifier/tiers.jsonl": '{"id": 3}\n',
    }


def test_an_archive_of_nothing_has_its_readme():
    assert unpacked(archive.stream("About.", AT, {"prm": {"parts": 0}}, read({}))) == {"README.txt": "About."}


def test_few_parts_are_in_memory_at_a_time():
    """The reader is never more than a part ahead of what was sent."""
    size, number = 200_000, 20
    parts = {("prm", index): ("prm/groups.jsonl", CHANCE.randbytes(size)) for index in range(number)}
    reads = []

    def read_part(service, index):
        reads.append(index)
        return read(parts)(service, index)

    sent, ahead = 0, []
    for piece in archive.stream("About.", AT, {"prm": {"parts": number}}, read_part):
        sent += len(piece)
        ahead.append(len(reads) * size - sent)
    assert len(reads) == number
    assert max(ahead) < 3 * size


def test_what_is_cut_short_is_no_archive():
    def read_part(service, index):
        if index == 3:
            raise RuntimeError("the database is away")
        return read(PARTS)(service, index)

    pieces = []
    with pytest.raises(RuntimeError):
        pieces.extend(archive.stream("About.", AT, SERVICES, read_part))
    with pytest.raises(zipfile.BadZipFile):
        unpacked(pieces)
