"""Option cards of [client-file-transfer]: what customers may upload, and where files are kept.

The names with hyphens and their defaults are the vendor's (spec/chat-api-v2.md 12.2), those with underscores
are ours. All but the directory take effect with the next upload or download.
"""

from __future__ import annotations

import shlex
from functools import partial

from gateway.config.kinds import BOOLEAN, Kind, integer, pattern, seconds, text
from gateway.config.option import Option

_BYTES = integer(0, 1_073_741_823, unit="bytes")
# Files of all chats together may be larger than the vendor's 32-bit sizes.
_DISK = integer(0, 999_999_999_999, unit="bytes")
_TYPE = "[A-Za-z0-9]{1,16}"

_files = partial(Option, section="client-file-transfer")


def _command(value: str) -> str:
    shlex.split(value)  # ValueError: a quotation that does not end
    return value


OPTIONS = (
    _files(
        name="upload-max-files",
        kind=integer(0, 1000),
        default=3,
        text="Files that a customer may upload in one chat; 0 = no uploads.",
    ),
    _files(
        name="upload-max-file-size", kind=_BYTES, default=2_097_152, text="Size of one file, of agents too."
    ),
    _files(
        name="upload-max-total-size",
        kind=_BYTES,
        default=5_242_880,
        text="Size of all files of a customer in one chat, and again of all agents of this chat. "
        "Deleted files count.",
    ),
    _files(
        name="upload-file-types",
        kind=pattern(f"{_TYPE}(:{_TYPE})*", valid="colon separated file name extensions"),
        default="jpeg:jpg:pdf:png:zip",
        text="Extensions that are accepted; the content must be of the same type.",
    ),
    _files(
        name="upload-need-agent",
        kind=BOOLEAN,
        default=False,
        text="Customers may upload only while an agent is present.",
    ),
    _files(
        name="download-attempts",
        kind=integer(0, 1000),
        default=2,
        text="How often a customer may download each file; agents as often as they like.",
    ),
    _files(
        name="delete-file",
        kind=text(32),
        default="odd",
        text="`none` or `false`: customers may not delete files. Anything else: their own ones; the quota is "
        "not given back.",
    ),
    _files(
        name="directory",
        kind=text(4096, required=True),
        default="files",
        takes_effect="after restart",
        text="Where the contents of files are kept. A relative path is meant from the directory `DATA_DIR`.",
    ),
    _files(
        name="disk_quota",
        attr="disk_quota_bytes",
        kind=_DISK,
        default=10_737_418_240,
        text="Size of all files of all chats. Above it uploads are temporary trouble (`statusCode` 1, 503).",
    ),
    _files(
        name="disk_reserve",
        attr="disk_reserve_bytes",
        kind=_DISK,
        default=268_435_456,
        text="Free space that uploads leave on the disk, so that the store can go on writing.",
    ),
    _files(
        name="upload_scan_cmd",
        kind=Kind("command line; the file's path is added; empty = no scan", _command),
        default="",
        text="Looks at each upload before anybody can download it, such as "
        "`clamdscan --fdpass --no-summary`. Exit status 0 passes the file, anything else blocks it.",
    ),
    _files(
        name="upload_scan_timeout",
        attr="upload_scan_timeout_s",
        kind=seconds(0.1, 3600),
        default=30.0,
        text="A scan that takes longer is stopped and blocks the file.",
    ),
)
