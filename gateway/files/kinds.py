"""What a file is: by its first bytes, and whether that agrees with its name. Pure.

A type must begin with its magic bytes at the very first byte, which is stricter than what viewers do, so
that a page with a PDF behind it is no PDF. What is served is never the client's media type but the one of
this table; whatever a browser could run (html, svg, xml) is served as octet-stream.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

# Enough for every signature below and for telling text from markup.
HEAD_BYTES = 4096
OCTET_STREAM = "application/octet-stream"
TEXT, MARKUP, OTHER = "text", "markup", "other"

# First bytes -> kind. `.` stands for any byte.
_SIGNATURES: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(signature, re.DOTALL), kind)
    for signature, kind in (
        (rb"\xff\xd8\xff", "jpeg"),
        (rb"\x89PNG\r\n\x1a\n", "png"),
        (rb"GIF8[79]a", "gif"),
        (rb"RIFF....WEBP", "webp"),
        (rb"BM....\x00\x00\x00\x00", "bmp"),
        (rb"II\*\x00|MM\x00\*", "tiff"),
        (rb"....ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)", "heic"),
        (rb"%PDF-", "pdf"),
        (rb"PK(?:\x03\x04|\x05\x06)", "zip"),
        (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
        (rb"\{\\rtf", "rtf"),
        (rb"....ftyp", "mp4"),
        (rb"ID3|\xff[\xfb\xf3\xf2]", "mp3"),
        (rb"RIFF....WAVE", "wav"),
        (rb"OggS", "ogg"),
        (rb"\x1f\x8b", "gzip"),
        (rb"7z\xbc\xaf\x27\x1c", "7z"),
        (rb"Rar!\x1a\x07", "rar"),
        (rb"MZ|\x7fELF|\xca\xfe\xba\xbe|\xfe\xed\xfa|\xcf\xfa\xed\xfe|#!", "program"),
    )
)
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
_OOXML = "application/vnd.openxmlformats-officedocument."
# Extension -> (kinds that its content may have, media type).
TYPES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "jpg": ("jpeg", "image/jpeg"),
        "jpeg": ("jpeg", "image/jpeg"),
        "png": ("png", "image/png"),
        "gif": ("gif", "image/gif"),
        "webp": ("webp", "image/webp"),
        "bmp": ("bmp", "image/bmp"),
        "tif": ("tiff", "image/tiff"),
        "tiff": ("tiff", "image/tiff"),
        "heic": ("heic", "image/heic"),
        "pdf": ("pdf", "application/pdf"),
        "zip": ("zip", "application/zip"),
        "docx": ("zip", _OOXML + "wordprocessingml.document"),
        "xlsx": ("zip", _OOXML + "spreadsheetml.sheet"),
        "pptx": ("zip", _OOXML + "presentationml.presentation"),
        "odt": ("zip", _OPEN_DOCUMENT + "text"),
        "ods": ("zip", _OPEN_DOCUMENT + "spreadsheet"),
        "odp": ("zip", _OPEN_DOCUMENT + "presentation"),
        "doc": ("ole", "application/msword"),
        "xls": ("ole", "application/vnd.ms-excel"),
        "ppt": ("ole", "application/vnd.ms-powerpoint"),
        "msg": ("ole", "application/vnd.ms-outlook"),
        "rtf": ("rtf", "application/rtf"),
        "mp4": ("mp4", "video/mp4"),
        "mov": ("mp4", "video/quicktime"),
        "m4a": ("mp4", "audio/mp4"),
        "mp3": ("mp3", "audio/mpeg"),
        "wav": ("wav", "audio/wav"),
        "ogg": ("ogg", "audio/ogg"),
        "gz": ("gzip", "application/gzip"),
        "7z": ("7z", "application/x-7z-compressed"),
        "rar": ("rar", "application/vnd.rar"),
        "txt": (TEXT, "text/plain; charset=utf-8"),
        "csv": (TEXT, "text/csv; charset=utf-8"),
        "log": (TEXT, "text/plain; charset=utf-8"),
        "html": (MARKUP, OCTET_STREAM),
        "htm": (MARKUP, OCTET_STREAM),
        "xhtml": (MARKUP, OCTET_STREAM),
        "svg": (MARKUP, OCTET_STREAM),
        "xml": (MARKUP, OCTET_STREAM),
    }
)
# What makes a browser take a text for a page, also behind a comment.
_MARKUP = re.compile(
    rb"<(?:!doctype|\?xml|html|head|body|script|svg|iframe|img|style|title|meta|link|!--|[a-z][\w:-]*[\s/>])",
    re.IGNORECASE,
)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def sniff(head: bytes) -> str:
    """The kind of a content by its first HEAD_BYTES: one of the table, `text`, `markup` or `other`."""
    for signature, kind in _SIGNATURES:
        if signature.match(head):
            return kind
    if _BINARY.search(head):
        return OTHER
    return MARKUP if _MARKUP.search(head) else TEXT


def media_type(extension: str, head: bytes) -> str | None:
    """The media type to serve a content under, or None when it is not what its extension says.

    An extension that is not in the table (an operator may allow any) fits only a content that is nothing
    known.
    """
    kind = sniff(head)
    if extension in TYPES:
        expected, served = TYPES[extension]
        return served if kind == expected else None
    return OCTET_STREAM if kind == OTHER else None
