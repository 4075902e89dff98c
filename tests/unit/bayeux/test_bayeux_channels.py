"""Channel grammar and matching (spec/bayeux.md 1)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.bayeux import channels

SEGMENT = st.text("ab-_.~!$()@ ", min_size=1, max_size=3)
CHANNEL = st.lists(SEGMENT, min_size=1, max_size=4).map(lambda parts: "".join(f"/{part}" for part in parts))
PATTERN = st.one_of(CHANNEL, CHANNEL.map(lambda name: name + "/*"), CHANNEL.map(lambda name: name + "/**"))


@pytest.mark.parametrize("name", ["/a", "/service/chatV2/customer-support", "/a b/c", "/" + "a" * 1023])
def test_names(name: str):
    """What may be published to."""
    assert channels.is_channel(name)


@pytest.mark.parametrize("name", ["", "/", "a", "/a/", "//a", "/a/*", "/*", "/a{b}", "/a#", "/a*b", None, 1])
def test_no_names(name: object):
    """Wildcards, empty segments and foreign characters are no channel names."""
    assert not channels.is_channel(name)


@pytest.mark.parametrize(("name", "fits"), [("/*", True), ("/**", True), ("/a/**", True), ("/**/a", False)])
def test_patterns(name: str, fits: bool):
    """A wildcard stands at the end only."""
    assert channels.is_pattern(name) is fits


@pytest.mark.parametrize(
    ("pattern", "channel", "inside"),
    [
        ("/a", "/a", True),
        ("/a/*", "/a/b", True),
        ("/a/*", "/a", False),
        ("/a/*", "/a/b/c", False),
        ("/a/*", "/a/**", False),
        ("/a/**", "/a/b/c", True),
        ("/a/**", "/a", False),
        ("/a/**", "/ab", False),
        ("/a/**", "/a/*", True),
        ("/**", "/a/b", True),
        ("/*", "/a", True),
    ],
)
def test_matching(pattern: str, channel: str, inside: bool):
    """`*` is one segment, `**` one or more; `/foo/**` does not match `/foo`."""
    assert channels.matches(pattern, channel) is inside


@settings(deadline=None)
@given(pattern=PATTERN, channel=CHANNEL)
def test_expansion_and_matching_agree(pattern: str, channel: str):
    """A channel's expansion holds exactly the patterns that match it."""
    assert (pattern in channels.expand(channel)) is channels.matches(pattern, channel)


@settings(deadline=None)
@given(CHANNEL)
def test_kinds_exclude_each_other(channel: str):
    """No channel is both meta and service."""
    assert not (channels.is_meta(channel) and channels.is_service(channel))
