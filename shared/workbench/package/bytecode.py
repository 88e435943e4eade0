"""Compiles a tree in place with the Python that will run it: `python -s -S bytecode.py FOLDER KEEP...`.

Each module.py becomes a module.pyc in the same place. Such a file also loads from a read-only folder, and Python never
looks for its source (PEP 552). Files that KEEP names stay as source. The same source gives the same bytes. For this,
PYTHONHASHSEED must be 0, because sets of constants are written in the order of their hashes. And None must not be in
such a set: before Python 3.12 its hash is its address. Assertions stay.

Some parts only cost time at a start and are removed. Docstrings: nobody reads them in a deployed function (a dataclass
keeps a short one, because Python would otherwise generate one with its signature, which takes long). The `TypedDict`
classes of Pydantic's core schemas: they describe dictionaries for type checkers only. The coroutines of Alibaba's two
large clients: their transport is not in the zip.
"""

from __future__ import annotations

import ast
import importlib.util
import marshal
import os
import sys
from contextlib import suppress
from pathlib import Path

_WITH_COROUTINES = {"alibabacloud_r_kvstore20150101/client.py", "alibabacloud_tea_openapi/client.py"}
_SCHEMAS = "pydantic_core/core_schema.py"
_UNCHECKED = (1).to_bytes(4, "little")


class _Ordered(ast.NodeTransformer):
    """`in {None, "a"}` becomes `in (None, "a")`: the compiler would make it a constant set."""

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        pairs = zip(node.ops, node.comparators, strict=True)
        node.comparators = [_as_tuple(side) if isinstance(op, ast.In | ast.NotIn) else side for op, side in pairs]
        return self.generic_visit(node)

    def visit_For(self, node: ast.For) -> ast.AST:
        node.iter = _as_tuple(node.iter)
        return self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.iter = _as_tuple(node.iter)
        return self.generic_visit(node)


class _Undocumented(ast.NodeTransformer):
    """Removes the docstring of a module, class or function."""

    def _bare(self, node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        if ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            left: list[ast.stmt] = node.body[1:]
            node.body = left or [ast.copy_location(ast.Pass(), first)]
        return self.generic_visit(node)

    visit_Module = visit_FunctionDef = visit_AsyncFunctionDef = _bare  # noqa: N815 - ast's names

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self._bare(node)
        if any("dataclass" in ast.unparse(one) for one in node.decorator_list):
            node.body.insert(0, ast.copy_location(ast.Expr(ast.Constant("-")), node.body[0]))
        return ast.fix_missing_locations(node)


class _NoCoroutines(ast.NodeTransformer):
    """Removes the coroutines of a class."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        left = [one for one in node.body if not isinstance(one, ast.AsyncFunctionDef)]
        node.body = left or [ast.copy_location(ast.Pass(), node)]
        return self.generic_visit(node)


class _Dictionaries(ast.NodeTransformer):
    """`class X(TypedDict)` becomes `X = dict`, and so do the classes derived from it."""

    def __init__(self) -> None:
        self._kinds = {"TypedDict"}

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        if not self._kinds & {ast.unparse(base) for base in node.bases}:
            return node
        self._kinds.add(node.name)
        made = ast.Assign([ast.Name(node.name, ast.Store())], ast.Name("dict", ast.Load()))
        return ast.fix_missing_locations(ast.copy_location(made, node))


def _as_tuple(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Set) and any(isinstance(e, ast.Constant) and e.value is None for e in node.elts):
        return ast.copy_location(ast.Tuple(node.elts, ast.Load()), node)
    return node


def compile_source(source: bytes, name: str) -> bytes:
    """The content of a .pyc file. `name` is the file name in tracebacks. Raises: SyntaxError, ValueError."""
    tree = _Undocumented().visit(_Ordered().visit(ast.parse(source, name)))
    if name == _SCHEMAS:
        tree = _Dictionaries().visit(tree)
    if name in _WITH_COROUTINES:
        tree = _NoCoroutines().visit(tree)
    code = compile(tree, name, "exec", dont_inherit=True, optimize=0)
    return importlib.util.MAGIC_NUMBER + _UNCHECKED + importlib.util.source_hash(source) + marshal.dumps(code)


def main(folder: Path, keep: set[str]) -> None:
    """Compile the tree. Raises: SystemExit: the hash seed is not fixed."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        sys.exit("bytecode.py: PYTHONHASHSEED must be 0")
    for file in sorted(folder.rglob("*.py")):
        name = file.relative_to(folder).as_posix()
        if name not in keep:
            # This Python could not import such a file from its source either.
            with suppress(SyntaxError, ValueError):
                file.with_suffix(".pyc").write_bytes(compile_source(file.read_bytes(), name))
            file.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), set(sys.argv[2:]))
