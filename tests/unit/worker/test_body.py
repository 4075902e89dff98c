"""Broken chunks become an error that an application understands."""

import io

import pytest
from gunicorn.http.errors import InvalidChunkSize

from gateway.worker.body import ChunkedBody, MalformedBody


class Broken:
    """A body whose chunks are broken."""

    def read(self, size=None):
        raise InvalidChunkSize(b"zz")

    readline = readlines = read


@pytest.mark.parametrize("method", ["read", "readline", "readlines"])
def test_every_way_of_reading_reports_broken_chunks_alike(method):
    """All of them raise MalformedBody, an OSError."""
    with pytest.raises(MalformedBody):
        getattr(ChunkedBody(Broken()), method)()
    with pytest.raises(OSError, match="InvalidChunkSize"):
        list(ChunkedBody(Broken()))


def test_good_bodies_pass_unchanged():
    """Reading by size, by line and by iteration gives what was sent."""
    body = ChunkedBody(io.BytesIO(b"abc\nde\nf\ng\n"))

    expected = [b"ab", b"c\n", [b"de\n"], [b"f\n", b"g\n"]]
    assert expected == [body.read(2), body.readline(), body.readlines(1), list(body)]
