"""Compiles a tree in place, by the Python that will run it: `python -s -S bytecode.py FOLDER KEEP...`.

Each module.py becomes module.pyc beside where it stood, which loads from read-only folders too and is never checked
against a source (PEP 552). What KEEP names stays as source. The same source gives the same bytes: sets of constants are
written in the order of their hashes, so PYTHONHASHSEED must be 0, and None, whose hash is its address before Python
3.12, must not be in one. Docstrings stay behind: nobody asks a deployed function for them, and reading them is a part
of every cold start. Assertions stay.
"""

from __future__ import annotations

import ast
import importlib.util
import marshal
import os
import sys
from contextlib import suppress
from pathlib import Path

_UNCHECKED = (1).to_bytes(4, "little")


class _Ordered(ast.NodeTransformer):
    """`in {None, "a"}` becomes `in (None, "a")`: the compiler would make a constant set of it."""

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
    """A module, class or function without its docstring."""

    def _bare(self, node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        if ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            left: list[ast.stmt] = node.body[1:]
            node.body = left or [ast.copy_location(ast.Pass(), first)]
        return self.generic_visit(node)

    visit_Module = visit_ClassDef = visit_FunctionDef = visit_AsyncFunctionDef = _bare  # noqa: N815 - ast's names


def _as_tuple(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Set) and any(isinstance(e, ast.Constant) and e.value is None for e in node.elts):
        return ast.copy_location(ast.Tuple(node.elts, ast.Load()), node)
    return node


def compile_source(source: bytes, name: str) -> bytes:
    """The content of a .pyc. `name` is what tracebacks show. Raises: SyntaxError, ValueError."""
    tree = _Undocumented().visit(_Ordered().visit(ast.parse(source, name)))
    code = compile(tree, name, "exec", dont_inherit=True, optimize=0)
    return importlib.util.MAGIC_NUMBER + _UNCHECKED + importlib.util.source_hash(source) + marshal.dumps(code)


def main(folder: Path, keep: set[str]) -> None:
    """Raises: SystemExit if the hash seed is not fixed."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        sys.exit("bytecode.py: PYTHONHASHSEED must be 0")
    for file in sorted(folder.rglob("*.py")):
        name = file.relative_to(folder).as_posix()
        if name not in keep:
            # What is no module of this Python could not be imported from its source either.
            with suppress(SyntaxError, ValueError):
                file.with_suffix(".pyc").write_bytes(compile_source(file.read_bytes(), name))
            file.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), set(sys.argv[2:]))
