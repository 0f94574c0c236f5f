"""Names in Python source as the lint scripts want them: with their line, and imports resolved.

`from datetime import datetime as dt` followed by `dt.now()` is reported as `datetime.datetime.now`, so that
a rule need not think of every way to spell an import.
"""

import ast
from collections.abc import Iterator


def imported_names(tree: ast.AST) -> dict[str, str]:
    """What each name that an import binds stands for, dotted."""
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                bound[alias.asname or root] = alias.name if alias.asname else root
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                bound[alias.asname or alias.name] = f"{node.module or ''}.{alias.name}"
    return bound


def imported_modules(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The dotted name of everything that an import statement asks for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module or ''}.{alias.name}") for alias in node.names)


def dotted(node: ast.AST, bound: dict[str, str]) -> str:
    """`a.b.c` of a chain of attributes, its root resolved; "" in place of a root that is no name."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value, bound)}.{node.attr}"
    if isinstance(node, ast.Name):
        return bound.get(node.id, node.id)
    return ""


def spelled_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every identifier as written: variables, attributes, parameters, keywords, definitions, imports."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.keyword(arg=str(name)):
                yield node.lineno, name
            case ast.alias(name=name, asname=alias):
                yield node.lineno, name
                if alias is not None:
                    yield node.lineno, alias
            case _:
                pass


def text_constants(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every string in the source but the docstrings: those are prose for people."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value
