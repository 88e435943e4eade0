"""The function file of a new operation: a copy of the other one, with new names and without its texts.

The mark `function_text.UNREAD` stands at each place that must be filled in from the API's page. A test of the function
fails while a mark is left.
"""

from __future__ import annotations

import ast
import re

from shared.workbench.bundle.function_text import UNREAD
from shared.workbench.scaffold.names import NewOperation

_READS = ("Describe", "Get", "List")


def function_file(new: NewOperation, text: str) -> str:
    """The new file's text, made from the other file's."""
    lines = text.splitlines(keepends=True)
    tree = ast.parse(text)
    commands = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == new.source_action]
    nodes: tuple[ast.ClassDef | ast.Module, ...] = (*commands, tree)
    for node in nodes:
        words = node.body[0]
        if ast.get_docstring(node) is not None:
            told = _docstring(new) if node is tree else f'    """What it asks for is {UNREAD} on the API\'s page."""\n'
            lines[words.lineno - 1 : words.end_lineno] = [told]
    body = _with_other_actions_marked(new, new.renamed("".join(lines)))
    # The source of a password rule.
    return re.sub(r'(\bsource=)"[^"]*"', rf'\1"{new.action}: its page is {UNREAD}"', body)


def _with_other_actions_marked(new: NewOperation, text: str) -> str:
    """Add a mark to each line that names another change than the new one: the action in another site's spelling."""
    rights = set(re.findall(r'"[a-z]+:([A-Z]\w+)"', text))
    others = {action for action in rights - {new.action} if not action.startswith(_READS)}
    if not others:
        return text
    named = re.compile(rf"^(.*\b(?:{'|'.join(sorted(others))})\b.*)$", re.MULTILINE)
    return named.sub(rf"\1  # {UNREAD}", text)


def _docstring(new: NewOperation) -> str:
    return f'''"""{new.action}: what it changes is {UNREAD} on the API's page.

Promise: what a repeat of the same command does, and what two different ones do, is {UNREAD} on the page.

Source: {new.action}, {UNREAD}: the API, its version, the date of its page.
"""
'''
