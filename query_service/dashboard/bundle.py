"""All scripts of a page as one file, and all stylesheets as another.

Each file costs a request, and each import another round trip. The sources are native ES modules and
plain CSS, so no build step is needed to change them: the files are joined when the service starts,
and nothing can go stale. Takes only the forms of import and export below, and refuses others.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Final

_LINK: Final = re.compile(r'<link rel="stylesheet" href="\{\{static\}\}/([^"]+)">\n')
_SCRIPT: Final = re.compile(r'<script (defer|type="module") src="\{\{static\}\}/([^"]+)"></script>\n')
_NAMES: Final = r"\{([^{}]*)\}"
_IMPORT: Final = re.compile(rf'^import (?:(?:{_NAMES}|\* as (\w+)) from )?"(\.[^"]+)";$', re.M)
_DECLARED: Final = re.compile(r"^export (?=(?:const|class|(?:async )?function\*?) (\w+))", re.M)
_LISTED: Final = re.compile(rf"^export {_NAMES};$", re.M)
_LEFT: Final = re.compile(r"^(?:import|export)\b.*|\bimport\(.*", re.M)


class BundleError(ValueError):
    """The files of a page cannot be joined: the message says which, and what it may say instead."""


def bundled(name: str, page: str, files: Mapping[str, bytes]) -> tuple[str, dict[str, bytes]]:
    """`page` with at most one stylesheet and one script, {name}.css and {name}.js, and their bytes."""
    joined: dict[str, bytes] = {}
    if styles := _LINK.findall(page):
        joined[f"{name}.css"] = b"\n".join(files[path] for path in styles)
        page = _replaced(_LINK, page, f'<link rel="stylesheet" href="{{{{static}}}}/{name}.css">\n')
    if scripts := _SCRIPT.findall(page):
        classic = [files[path].decode() for kind, path in scripts if kind == "defer"]
        modules = _Modules(files)
        for _, path in (script for script in scripts if script[0] != "defer"):
            modules.add(path)
        joined[f"{name}.js"] = "\n".join([*classic, *modules.blocks.values()]).encode()
        page = _replaced(_SCRIPT, page, f'<script type="module" src="{{{{static}}}}/{name}.js"></script>\n')
    return page, joined


def _replaced(tags: re.Pattern[str], page: str, tag: str) -> str:
    """`tag` where the first of `tags` stands, and the others gone."""
    return tags.sub("", tags.sub(lambda _: tag.replace("<", "\0", 1), page, count=1)).replace("\0", "<")


class _Modules:
    """Modules as blocks of one script, each after those that it imports. Exports are properties of its object."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._open: list[str] = []
        self._exports: dict[str, set[str]] = {}
        self.blocks: dict[str, str] = {}

    def add(self, path: str) -> None:
        if path in self.blocks:
            return
        if path in self._open:
            raise BundleError(f"{path} imports itself by way of {', '.join(self._open)}; move what they share")
        if path not in self._files:
            raise BundleError(f"{self._open[-1] if self._open else 'A page'} names {path}, which is not there")
        self._open.append(path)
        self.blocks[path] = self._block(path, self._files[path].decode())
        self._open.pop()

    def _block(self, path: str, text: str) -> str:
        def imported(match: re.Match[str]) -> str:
            names, whole, relative = match.groups()
            other = posixpath.normpath(posixpath.join(posixpath.dirname(path), relative))
            self.add(other)
            if missing := {name.split(" as ")[0] for name in _listed(names or "")} - self._exports[other]:
                raise BundleError(f"{path} imports {', '.join(sorted(missing))}, which {other} does not export")
            if whole:
                return f"const {whole} = {_object(other)};"
            return f"const {{ {_pairs(names)} }} = {_object(other)};" if names else ""

        listed = [name.split(" as ")[-1] for names in _LISTED.findall(text) for name in _listed(names)]
        self._exports[path] = {*listed, *_DECLARED.findall(text)}
        exports = [*(_pairs(names, is_export=True) for names in _LISTED.findall(text)), *_DECLARED.findall(text)]
        text = _DECLARED.sub("", _LISTED.sub("", _IMPORT.sub(imported, text)))
        if left := _LEFT.search(text):
            raise BundleError(
                f"{path}: '{left[0][:80]}' is not joined; use named imports and exports of const, "
                "function or class, and import statically"
            )
        if "/" in path and "import.meta" in text:
            raise BundleError(
                f"{path} uses import.meta, which is the joined file's; do so in a module without a folder"
            )
        shared = f"\nObject.assign({_object(path)}, {{ {', '.join(exports)} }});" if exports else ""
        return f"const {_object(path)} = {{}};\n{{ // {path}\n{text.rstrip()}{shared}\n}}"


def _object(path: str) -> str:
    return "$" + re.sub(r"\W", "_", path)


def _listed(names: str) -> list[str]:
    return [name for name in re.split(r"\s*,\s*", names.strip()) if name]


def _pairs(names: str, *, is_export: bool = False) -> str:
    """`a, b as c`, of an import or an export, as properties of an object."""
    pairs = [name.split(" as ") for name in _listed(names)]
    return ", ".join(": ".join(reversed(pair) if is_export else pair) for pair in pairs)
