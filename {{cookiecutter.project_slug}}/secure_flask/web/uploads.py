"""The files of a form: larger ones are on disk, and no file is accepted as a text.

Werkzeug keeps each file below 500 kB in memory, and a form may have a thousand. Flask-WTF's
validators of a text field would crash on a file. Source: OWASP ASVS 5.2.1, 15.2.2.
"""

from tempfile import SpooledTemporaryFile
from typing import IO, NoReturn

from werkzeug.datastructures import FileStorage, MultiDict
from wtforms import ValidationError

IN_MEMORY = 16 * 1024  # bytes of each file


class NotText(ValidationError, TypeError):
    """WTForms treats this as a wrong value, and `list(file)` treats it as a missing length."""


class UploadedFile(FileStorage):
    """A file of a form. Validators of a text, such as Length, refuse it."""

    def __len__(self) -> NoReturn:
        raise NotText("A file is no text.")


def open_upload(*arguments: object, **options: object) -> IO[bytes]:
    """The stream that takes one file, whatever its stated size."""
    return SpooledTemporaryFile(max_size=IN_MEMORY)


def uploaded_files(files: MultiDict[str, FileStorage]) -> MultiDict[str, FileStorage]:
    return MultiDict(
        (name, UploadedFile(file.stream, file.filename, file.name, headers=file.headers))
        for name, file in files.items(multi=True)
    )
