"""
The words that would put a shell between us and the kernel, or empty what is full, are nowhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import proxyfeed

SOURCES = sorted(Path(proxyfeed.__file__).parent.rglob("*.py"))
# -exist hides that a set of the same name is there already; -! is the same in short.
FORBIDDEN_WORDS = {"flush", "-F", "--flush", "-X", "--delete-chain", "-exist", "-!", "sh", "bash"}
FORBIDDEN_CALLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}


def find_forbidden(source: str) -> Iterator[str]:
    """
    Find what may not be in code; the words of comments and of docstrings are free.
    """
    tree = ast.parse(source)
    docstrings = {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        for statement in node.body[:1]
        if isinstance(statement, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in FORBIDDEN_CALLS:
            yield f"line {node.lineno}: {ast.unparse(node.func)}"
        elif isinstance(node, ast.keyword) and node.arg == "shell":
            yield f"line {node.value.lineno}: shell="
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = set(node.value.split()) if id(node) not in docstrings else set()
            yield from (f"line {node.lineno}: {word!r}" for word in words & FORBIDDEN_WORDS)


def test_the_source_starts_no_shell_and_flushes_nothing() -> None:
    assert len(SOURCES) > 50
    found = [f"{path}: {what}" for path in SOURCES for what in find_forbidden(path.read_text())]
    # nft flushes and fills our own set, or our own chain, in one transaction.
    own = [one for one in found if "/firewall/nft.py: " in one and one.endswith("'flush'")]
    assert found == own
    assert len(own) == 2


def test_what_is_looked_for_would_be_found() -> None:
    assert list(find_forbidden('run(["iptables", "-F"])')) == ["line 1: '-F'"]
    assert list(find_forbidden('restore(f"flush {name}")')) == ["line 1: 'flush'"]
    assert list(find_forbidden('"create x hash:net -exist"')) == []  # a docstring
    assert list(find_forbidden('\ny = "create x hash:net -exist"')) == ["line 2: '-exist'"]
    assert list(find_forbidden("run(words, shell=True)")) == ["line 1: shell="]
    assert list(find_forbidden("import os\nos.system(words)  # -F")) == ["line 2: os.system"]
