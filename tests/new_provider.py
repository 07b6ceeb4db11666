"""`make provider NAME=acme`: the files that every provider has, and a contract test that is red until they are written."""

import keyword
import re
import subprocess
import sys
from pathlib import Path
from string import Template
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
SKELETON: Final = Path(__file__).resolve().parent / "provider_skeleton"
NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,19}")
CONTRACT: Final = "test_contract.py.txt"


def refusal(project: Path, name: str) -> str | None:
    """Why there can be no such provider."""
    if NAME.fullmatch(name) is None or keyword.iskeyword(name):
        return "Use NAME= with 2 to 20 small letters, digits and underscores, as in: make provider NAME=acme"
    if (project / "payments/providers" / name).exists() or (project / f"payments/providers/{name}.py").exists():
        return f"There is a provider {name} already: payments/providers/{name}."
    return None


def write(project: Path, name: str) -> list[Path]:
    """Write the files of a provider that `refusal` had nothing against; return their paths."""
    words = {"name": name, "Class": class_of(name)}
    folder, tests = project / "payments/providers" / name, project / "tests/providers"
    files = {folder / path.name.removesuffix(".txt"): path for path in SKELETON.glob("*.txt") if path.name != CONTRACT}
    files[tests / f"test_{name}.py"] = SKELETON / CONTRACT
    folder.mkdir()
    tests.mkdir(exist_ok=True)
    if not (tests / "__init__.py").exists():
        (tests / "__init__.py").touch()
    for path, template in files.items():
        path.write_text(Template(template.read_text()).substitute(words))
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", *files], cwd=project, check=True)
    return sorted(files)


def class_of(name: str) -> str:
    """acme_pay is AcmePay."""
    return "".join(part.capitalize() for part in name.split("_"))


def main() -> None:
    """Write them, and say what to do next."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    why_not = refusal(PROJECT, name)
    if why_not is not None:
        sys.exit(why_not)
    written = write(PROJECT, name)
    print("\n".join(str(path.relative_to(PROJECT)) for path in written))
    print(
        f"\nNext:\n"
        f'  1. config/registries.py, PROVIDERS:  "{name}": "payments.providers.{name}.provider.{class_of(name)}",\n'
        f"  2. tests/contracts/stages.py:        by which amounts or recordings each of its outcomes can be had\n"
        f"  3. .venv/bin/pytest tests/providers/test_{name}.py says what is not written yet\n"
        f"payments/providers/README.md has the rules."
    )


if __name__ == "__main__":
    main()
