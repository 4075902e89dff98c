"""ECMAScript modules put together into one, so that a page loads them with one request.

This is no general bundler: it takes the one form that our modules have (`import { name } from "./file.js"`,
`export` before a class, function or const, no cycles) and refuses every other. Each module becomes a function
that is called once and returns its exports, in the order in which modules would run; so names cannot clash,
and nothing inside a module is touched. The first module keeps its own exports.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

import rjsmin

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:class|function|const) (\w+))", re.MULTILINE)
# Any such statement that the two above do not take.
_OTHER = re.compile(r"^(?:import|export)\b(?![(.]).*$", re.MULTILINE)
# What means something else in a file of another folder; looked for where no comment is left.
_PLACE = re.compile(r"\bimport(?:\(|\.meta\b)")


def bundle(entry: str, read: Callable[[str], str]) -> str:
    """The text of one module that does what the module at `entry` does; `read` gives the text at a path.

    ValueError: a module has a form that is not understood.
    """
    functions: dict[str, str] = {}

    def linked(path: str, importers: tuple[str, ...]) -> str:
        """The module with each import taken from the variable of a module that stands before it."""

        def imported(match: re.Match[str]) -> str:
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), match[2]))
            if target in importers:
                raise ValueError(f"{path} and {target} import each other")
            if target not in functions:
                functions[target] = _function(target, linked(target, (*importers, target)), entry)
            return f"const {{{match[1].replace(' as ', ': ')}}} = {_variable(target)};"

        text = _IMPORT.sub(imported, read(path))
        other = _OTHER.search(_EXPORT.sub("", text))
        if other is not None:
            raise ValueError(f"{path}: {other[0]}")
        return text

    own = linked(entry, (entry,))
    return "\n".join([*functions.values(), own])


def _function(path: str, text: str, entry: str) -> str:
    if posixpath.dirname(path) != posixpath.dirname(entry) and _PLACE.search(rjsmin.jsmin(text)):
        raise ValueError(f"{path} depends on its address")
    exports = ", ".join(_EXPORT.findall(text))
    return f"const {_variable(path)} = (() => {{\n{_EXPORT.sub('', text)}\nreturn {{ {exports} }};\n}})();"


def _variable(path: str) -> str:
    """`$widget_log` for widget/log.js; our own modules have no names that begin so."""
    return "$" + re.sub(r"\W", "_", path.removesuffix(".js"))
