"""Uploads while they come in: below MEDIA_ROOT, so that what a process leaves behind when it dies is found and swept.

In the system's folder for temporary files nobody would look for card numbers; and from here a whole file is moved to
its place, not copied.
"""

import tempfile
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler

ARRIVING: Final = "arriving"
SUFFIX: Final = ".upload"


class ArrivingFile(TemporaryUploadedFile):
    """A large file on its way in."""

    def __init__(self, name: str | None, content_type: str | None, charset: str | None, extra: Any = None) -> None:
        folder = Path(settings.MEDIA_ROOT) / ARRIVING
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = tempfile.NamedTemporaryFile(suffix=SUFFIX, dir=folder)  # noqa: SIM115 (closed as every upload is)
        UploadedFile.__init__(self, file, name, content_type, 0, charset, extra)


class ArrivingHandler(TemporaryFileUploadHandler):
    """Django's own handler, with another folder."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super(TemporaryFileUploadHandler, self).new_file(*args, **kwargs)
        self.file = ArrivingFile(self.file_name, self.content_type, self.charset, self.content_type_extra)
