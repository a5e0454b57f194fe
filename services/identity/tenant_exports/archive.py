"""The archive of an export: a zip file that is written while it is fetched, one part in memory at a time."""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

PIECE = 64 * 1024  # bytes that are sent together

ReadPart = Callable[[str, int], tuple[str, bytes] | None]
"""Path and compressed lines of a service's part by its number; None where a part had no rows."""


def stream(readme: str, made_at: datetime, services: Mapping[str, Any], read_part: ReadPart) -> Iterator[bytes]:
    """The bytes of the archive. ``services`` says how many parts each has.

    Raises:
        Whatever ``read_part`` raises; then the archive is cut short, and no zip program takes it for a whole one.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_entry("README.txt", made_at), readme)
        yield from sink.pieces(at_least=0)
        for path, bodies in _files(services, read_part):
            with archive.open(_entry(path, made_at), "w", force_zip64=True) as file:
                for body in bodies:
                    file.write(zlib.decompress(body))
                    yield from sink.pieces(at_least=PIECE)
    yield from sink.pieces(at_least=0)


def _files(services: Mapping[str, Any], read_part: ReadPart) -> Iterator[tuple[str, Iterable[bytes]]]:
    """Each file with its parts, which are read as they are asked for. A service shows one table after the other."""
    for service, progress in services.items():
        parts = (read_part(service, number) for number in range(progress["parts"]))
        reader = _Reader(part for part in parts if part is not None)
        while reader.path is not None:
            yield reader.path, reader.bodies(reader.path)


class _Reader:
    """The parts of a service, and the path of the next one."""

    def __init__(self, parts: Iterator[tuple[str, bytes]]) -> None:
        self._parts = parts
        self.path: str | None = None
        self._body = b""
        self._advance()

    def bodies(self, path: str) -> Iterator[bytes]:
        while self.path == path:
            yield self._body
            self._advance()

    def _advance(self) -> None:
        self.path, self._body = next(self._parts, (None, b""))


class _Sink(io.RawIOBase):
    """Takes what the zip file writes until it is sent. It cannot be sought in, so the zip file never goes back."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held.append(bytes(data))
        self._size += len(data)
        return len(data)

    def pieces(self, *, at_least: int) -> Iterator[bytes]:
        """What has been written, where it is as much as ``at_least``."""
        if self._size > at_least:
            written, self._held, self._size = b"".join(self._held), [], 0
            yield written


def _entry(path: str, made_at: datetime) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, made_at.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
