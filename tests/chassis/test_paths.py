"""How a path is written (D60): one encoding, in which two paths are equal if they name the same."""

from urllib.parse import quote, unquote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chassis.http.paths import BadPath, decoded, encoded, plain

CLEAN = st.characters(exclude_categories=["Cc", "Cs"])
VALUES = st.text(CLEAN, min_size=1).filter(lambda text: text not in (".", ".."))
WRITTEN = st.text("aZ0-._~!$&'()*+,=:@[]|^/%2FEfe5Bb;\\ \"é\x00").map("/{}".format)


def spelled(value: str, escaped: list[bool]) -> str:
    """A value with these of its octets escaped, and those that must be."""
    octets = (value.encode()[at : at + 1] for at in range(len(value.encode())))
    return "".join(
        f"%{octet[0]:02x}" if needless or not octet.isalnum() else octet.decode()
        for octet, needless in zip(octets, escaped, strict=False)
    )


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_what_was_encoded_comes_out_again(values):
    path = plain("/" + "/".join(encoded(value) for value in values))
    assert [decoded(segment) for segment in path.split("/")[1:]] == values


@given(st.lists(VALUES, min_size=1, max_size=3), st.lists(st.booleans(), min_size=400, max_size=400))
def test_spellings_of_the_same_values_are_one_path(values, escaped):
    assume(sum(len(value.encode()) for value in values) <= 400)
    written = "/" + "/".join(spelled(value, escaped) for value in values)
    assert plain(written) == plain("/" + "/".join(quote(value, safe="") for value in values))


@given(WRITTEN)
def test_a_path_is_refused_or_stays_what_it_is(written):
    """It has as many segments as were written, none of them empty or dots, and is plain already the second time."""
    try:
        path = plain(written)
    except BadPath:
        return
    assert plain(path) == path
    assert path.isascii()
    assert path.isprintable()
    assert path.count("/") == written.count("/")
    segments = path.removesuffix("/").split("/")[1:]
    assert not {"", ".", ".."} & {decoded(segment) for segment in segments}
    assert [decoded(segment) for segment in path.split("/")] == [unquote(segment) for segment in written.split("/")]


@pytest.mark.parametrize("path", ["", "x", "*", "http://x/y", "?", "/x?y", "/x#y", "/x\n", "/x y", "/%", "/%zz", "/é"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(BadPath):
        plain(path)
