"""Modules in one file: in the right order, each once, and only in the form that is understood."""

from __future__ import annotations

import pytest

from gateway.api.bundle import bundle


def made(**files: str) -> str:
    """The bundle of `w/main.js`; a name is a path with `_` for `/` and without `.js`."""
    texts = {f"{name.replace('_', '/')}.js": text for name, text in files.items()}
    return bundle("w/main.js", texts.__getitem__)


def test_a_module_stands_before_those_that_import_it_and_stands_once():
    """Two modules share a third: it runs first, and once."""
    text = made(
        w_main='import { a } from "./a.js";\nimport { b as c } from "./b.js";\nexport function start() {}\n',
        w_a='import { x } from "../l/x.js";\nexport const a = x;\n',
        w_b='import {\n  x,\n} from "../l/x.js";\nexport class b {}\n',
        l_x="export const x = 1;\nexport async function y() {}\n",
    )
    places = [text.index(part) for part in ("const x = 1", "const a = x", "class b", "function start")]
    assert places == sorted(places)
    assert text.count("const x = 1") == 1
    assert "return { x, y };" in text
    assert "const { b: c } = $w_b;" in text
    assert text.endswith("export function start() {}\n")


def test_a_module_that_needs_nothing_is_itself():
    """Nothing is added to a module without imports."""
    assert made(w_main="export const a = 1;\n") == "export const a = 1;\n"


@pytest.mark.parametrize(
    "line",
    [
        'import a from "./a.js";',
        'import * as a from "./a.js";',
        'import "./a.js";',
        'import { a } from "package";',
        'import { a } from "./a.js"',
        "export default 1;",
        "export let a = 1;",
        "export { a };",
        'export * from "./a.js";',
    ],
)
@pytest.mark.parametrize("at", ["main", "a"])
def test_another_form_is_refused(line, at):
    """What the bundle does not understand is an error, and never a silent difference."""
    files = {"w_main": 'import { a } from "./a.js";\n', "w_a": "export const a = 1;\n"}
    files[f"w_{at}"] += line + "\n"
    with pytest.raises(ValueError, match="w/"):
        made(**files)


def test_modules_that_import_each_other_are_refused():
    """There is no right order for them."""
    with pytest.raises(ValueError, match="import each other"):
        made(
            w_main='import { a } from "./a.js";\n',
            w_a='import { b } from "./b.js";\nexport const a = 1;\n',
            w_b='import { a } from "./a.js";\nexport const b = 1;\n',
        )


@pytest.mark.parametrize("code", ['await import("./x.js")', "import.meta.url"])
def test_a_module_of_another_folder_must_not_know_its_address(code):
    """Its address would be another one; beside the first module, and in comments, it is fine."""
    main = 'import { a } from "../l/a.js";\n'
    module = f"export const a = async () => {code};\n"
    with pytest.raises(ValueError, match="address"):
        made(w_main=main, l_a=module)
    assert code in made(w_main='import { a } from "./a.js";\n', w_a=module)
    assert made(w_main=main, l_a=f"/** {code} */\nexport const a = 1; // {code}\n")
