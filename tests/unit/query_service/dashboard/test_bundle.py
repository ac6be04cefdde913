"""The files of a page as one script and one stylesheet."""

from __future__ import annotations

import pytest

from query_service.dashboard.bundle import BundleError, bundled

PAGE = """<link rel="stylesheet" href="{{static}}/vendor/plot.css">
<link rel="stylesheet" href="{{static}}/style.css">
<script defer src="{{static}}/vendor/plot.js"></script>
<script type="module" src="{{static}}/main.js"></script>
<p>
"""
FILES = {
    "vendor/plot.css": b"p {}",
    "style.css": b"a {}",
    "vendor/plot.js": b"var plot = 1;",
    "main.js": b'import { show } from "./show.js";\nimport { root as top } from "./root.js";\nshow(top);\n',
    "show.js": b'import { root } from "./root.js";\nexport function show() { return root; }\n',
    "root.js": b"export const root = 1;\n",
}


def script(main: str, **others: str) -> str:
    files = {f"{name}.js": text.encode() for name, text in others.items()} | {"main.js": main.encode()}
    _, joined = bundled("index", '<script type="module" src="{{static}}/main.js"></script>\n', files)
    return joined["index.js"].decode()


def test_a_page_loads_one_stylesheet_and_one_script() -> None:
    page, joined = bundled("index", PAGE, FILES)
    assert page == (
        '<link rel="stylesheet" href="{{static}}/index.css">\n'
        '<script type="module" src="{{static}}/index.js"></script>\n<p>\n'
    )
    assert joined["index.css"] == b"p {}\na {}"


def test_a_module_comes_once_and_after_those_that_it_imports() -> None:
    _, joined = bundled("index", PAGE, FILES)
    text = joined["index.js"].decode()
    assert text.startswith("var plot = 1;")
    places = [text.index(part) for part in ("{ // root.js", "{ // show.js", "{ // main.js")]
    assert places == sorted(places)
    assert text.count("const root = 1;") == 1
    assert "const { root: top } = $root_js;" in text
    assert "Object.assign($show_js, { show });" in text


@pytest.mark.parametrize(
    ("module", "shared"),
    [
        ("export async function a() {}", "{ a }"),
        ("export class A {}\nexport const b = 1;", "{ A, b }"),
        ("const a = 1;\nexport { a, a as b };", "{ a, b: a }"),
        ("const a = 1;\nexport {\n  a,\n};", "{ a }"),
    ],
)
def test_what_a_module_exports_is_shared(module: str, shared: str) -> None:
    assert f"Object.assign($a_js, {shared});" in script('import "./a.js";', a=module)


def test_all_of_a_module_can_be_imported() -> None:
    assert "const all = $a_js;" in script('import * as all from "./a.js";', a="export const a = 1;")


@pytest.mark.parametrize(
    "line",
    [
        'import a from "./a.js";',
        'import { a } from "library";',
        "export let a = 1;",
        "export default 1;",
        'export { a } from "./a.js";',
        'const a = await import("./a.js");',
    ],
)
def test_a_form_that_is_not_joined_is_refused_by_name(line: str) -> None:
    with pytest.raises(BundleError, match=r"main\.js: '.*' is not joined"):
        script(line, a="export const a = 1;")


def test_a_module_that_is_not_there_is_refused() -> None:
    with pytest.raises(BundleError, match=r"main\.js names b\.js"):
        script('import { b } from "./b.js";')


def test_a_name_that_a_module_does_not_export_is_refused() -> None:
    with pytest.raises(BundleError, match=r"main\.js imports b, which a\.js does not export"):
        script('import { a, b as c } from "./a.js";', a="export const a = 1;")


def test_modules_that_import_each_other_are_refused() -> None:
    with pytest.raises(BundleError, match=r"b\.js imports itself"):
        script('import "./b.js";', b='import "./c.js";', c='import "./b.js";')
