"""Count the words that mean nothing to a colleague from elsewhere: `python -m tests.words [package …]`.

They were this code's private language: `told` for an answer, a payload or a discrepancy, `asked` for a request, a query or
an operation, `standing` for a balance. Names are to have none of them. In sentences they are plain English now and then
(a terminal is asked, finance is told): there the count shows where to look.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

WORD: Final = re.compile(r"(?<![a-z])(told|said|deeds?|asked|standing|whoever|wish(?:es)?|doors?)(?![a-z])")
# Left on purpose: columns, which go with a migration or not at all. (`asked` and `told` are parameters of stored messages, too.)
KEPT: Final = {
    "asked_at": "a column of connector documents",
    "asked_format": "a column of settlement files, and the parameters that fill it",
}


def sources(packages: list[str]) -> list[Path]:
    """The Python files under version control, without migrations."""
    listed = subprocess.run(["git", "ls-files", "*.py"], capture_output=True, text=True, check=True).stdout.split()
    return [Path(name) for name in listed if "migrations/" not in name and name.startswith(tuple(packages))]


def names(module: ast.Module) -> Iterator[str]:
    """What is defined, bound or named as an argument; test functions are sentences."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield "" if node.name.startswith("test_") else node.name
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg


def sentences(text: str) -> Iterator[str]:
    """Comments and strings: docstrings, messages, and what else stands in quotes."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            yield token.string


def main() -> None:
    """Print how often each word stands in names and in sentences, and the names themselves."""
    in_names, in_sentences, found = Counter[str](), Counter[str](), Counter[str]()
    for path in sources(sys.argv[1:] or ["config", "payments", "reconciliation", "terminals", "tests"]):
        text = path.read_text()
        for name in names(ast.parse(text)):
            words = WORD.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
            if words and name not in KEPT:
                in_names.update(words)
                found[f"{path}: {name}"] += 1
        in_sentences.update(word for sentence in sentences(text) for word in WORD.findall(sentence.lower()))
    for place in sorted(found):
        print(f"{place} ({found[place]})")
    print(f"names: {in_names.total()} {dict(in_names)}")
    print(f"sentences: {in_sentences.total()} {dict(in_sentences)}")
    print(f"kept on purpose: {', '.join(f'{name} ({why})' for name, why in KEPT.items())}")


if __name__ == "__main__":
    main()
