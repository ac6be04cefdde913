"""`python -m tools.notebook`: runs docs/flights.ipynb over the lake of LAKE_URL and stores what its cells show.

It runs the cells as Jupyter does, in this process: what is printed, the value of the last expression
as text and HTML, and each chart as a picture. Installing is left out: it is installed here.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any, Final

NOTEBOOK: Final = Path(__file__).parents[1] / "docs" / "flights.ipynb"

_MAGIC: Final = "%pip install"
_DPI: Final = 80


class Shown:
    """What a cell shows: the value of its last expression, and the outputs that Jupyter would store."""

    def __init__(self, value: Any, printed: str, pictures: list[bytes]) -> None:
        self.value = value
        self.printed = printed
        self.pictures = pictures

    def outputs(self, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        if self.printed:
            found.append({"output_type": "stream", "name": "stdout", "text": _lines(self.printed)})
        if self.value is not None:
            data: dict[str, Any] = {"text/plain": _lines(repr(self.value))}
            if hasattr(self.value, "_repr_html_"):
                data["text/html"] = _lines(self.value._repr_html_())
            found.append({"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": data})
        for picture in self.pictures:
            data = {"image/png": base64.b64encode(picture).decode(), "text/plain": ["<Figure>"]}
            found.append({"output_type": "display_data", "metadata": {}, "data": data})
        return found


def read() -> Any:
    """The notebook as it is stored."""
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))


def code_cells(notebook: Any) -> list[Any]:
    """Those that run."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def run(source: str, names: dict[str, Any]) -> Shown:
    """Runs the source of a cell, which sees `names` and adds its own."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    tree = ast.parse("\n".join(line for line in source.splitlines() if not line.startswith(_MAGIC)), NOTEBOOK.name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, NOTEBOOK.name, "exec"), names)  # noqa: S102 - the notebook of this repository
        value = None
        if isinstance(last, ast.Expr):
            found = eval(compile(ast.Expression(last.value), NOTEBOOK.name, "eval"), names)  # noqa: S307 - the same notebook
            value = None if source.rstrip().endswith(";") else found
    pictures = [_picture(pyplot.figure(number)) for number in pyplot.get_fignums()]
    pyplot.close("all")
    return Shown(value, printed.getvalue(), pictures)


def _picture(figure: Any) -> bytes:
    sink = io.BytesIO()
    figure.savefig(sink, format="png", dpi=_DPI, metadata={"Software": None})
    return sink.getvalue()


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main() -> int:
    """Stores the outputs."""
    notebook = read()
    names: dict[str, Any] = {}
    for count, cell in enumerate(code_cells(notebook), start=1):
        cell["execution_count"] = count
        cell["outputs"] = run("".join(cell["source"]), names).outputs(count)
    NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
