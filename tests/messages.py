"""`make messages`: add what is said to people and not yet translated to the catalogs, and compile all of them.

Django's `makemessages` sorts a catalog anew and guesses translations from similar ones. So it works on a copy here, and only what no
catalog knows (ours, Django's or django-unfold's) is added to ours, at the end and untranslated: put it beside its kin. It needs GNU
gettext, which no Python package brings.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent
TOOLS: Final = ("xgettext", "msguniq", "msgfmt")
# An app within another has a catalog of its own.
APPS: Final = (
    *("config", "payments", "payments/ledger", "payments/people", "payments/notify", "terminals", "reconciliation"),
)
_START: Final = re.compile(r'^(?:msgctxt|msgid) "', re.MULTILINE)
_COMMENT: Final = re.compile(r"^#(?!,).*\n", re.MULTILINE)


def blocks(catalog: str) -> dict[str, str]:
    """Each message of a catalog, by its words from msgctxt or msgid up to its translation, wrapped or not."""
    found = {}
    for block in catalog.split("\n\n")[1:]:
        start = _START.search(block)
        if start is not None:
            message = block[start.start() :].partition("\nmsgstr")[0]
            found[message.replace('"\n"', "")] = _COMMENT.sub("", block).strip()
    return found


def messages_of(project: Path, app: str) -> dict[str, str]:
    """What one app says, as gettext finds it."""
    inner = [other.removeprefix(f"{app}/") for other in APPS if other.startswith(f"{app}/")]
    ignored = [word for folder in inner for word in ("--ignore", f"{folder}/*")]
    command = [
        sys.executable,
        "-m",
        "django",
        "makemessages",
        "--locale=nl",
        "--no-location",
        "--no-wrap",
        "--keep-pot",
    ]
    (project / app / "locale").mkdir(exist_ok=True)
    subprocess.run([*command, *ignored], cwd=project / app, check=True, capture_output=True, env=_without_settings())
    return blocks((project / app / "locale" / "django.pot").read_text())


def unknown(messages: Mapping[str, str], known: set[str]) -> Iterator[str]:
    """The blocks of those that neither we nor a package of ours has translated."""
    for message, block in messages.items():
        if message not in known:
            yield block


def add_missing(project: Path) -> dict[str, list[str]]:
    """Add to each app's catalog what is not translated; return the blocks by app."""
    added = {}
    known = _known(project)
    with tempfile.TemporaryDirectory(prefix="onetill-messages-") as folder:
        for package in sorted({app.partition("/")[0] for app in APPS}):
            shutil.copytree(
                project / package, Path(folder) / package, ignore=shutil.ignore_patterns("locale", "static")
            )
        for app in APPS:
            added[app] = list(unknown(messages_of(Path(folder), app), known))
            if added[app]:
                path = project / app / "locale/nl/LC_MESSAGES/django.po"
                path.write_text("\n\n".join([path.read_text().rstrip("\n"), *added[app]]) + "\n")
    return {app: found for app, found in added.items() if found}


def compile_all(project: Path) -> None:
    """Compile every catalog."""
    for catalog in sorted(project.glob("[cprt]*/**/locale/**/django.po")):
        subprocess.run(["msgfmt", "-o", catalog.with_suffix(".mo"), catalog], check=True)


def main() -> None:
    """Do it, or say what to install."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        sys.exit(
            f"GNU gettext is missing ({', '.join(missing)}). Debian: apt-get install gettext. macOS: brew install gettext."
        )
    added = add_missing(PROJECT)
    for app, found in added.items():
        print(f"{app}/locale/nl/LC_MESSAGES/django.po: {len(found)} to translate, at its end")
    compile_all(PROJECT)
    print("Compiled." if added else "Nothing is missing; compiled.")


def _known(project: Path) -> set[str]:
    import django
    import unfold

    packages = [Path(str(module.__file__)).parent for module in (django, unfold)]
    ours = project.glob("[cprt]*/**/locale/**/django.po")
    theirs = (path for package in packages for path in package.glob("**/locale/nl/LC_MESSAGES/django.po"))
    return {message for path in (*ours, *theirs) for message in blocks(path.read_text())}


def _without_settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}


if __name__ == "__main__":
    main()
