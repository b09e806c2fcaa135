"""The exceptions for everything that a user can cause and mend."""

import os


class UserError(Exception):
    """Wrong input, told in one line: what, where, what was expected, what to do next.

    Entry points print the message and leave with exit code 2 (see `input_pipeline.cli`); in Python it is an ordinary
    exception. Anything else that escapes is a bug of ours and keeps its traceback.
    """


def unreadable(path: str | os.PathLike[str], error: Exception, otherwise: str) -> UserError:
    """The error for a file that could not be read: what the machine refuses is not told as a fault of the file.

    Args:
      error: of opening or reading it.
      otherwise: what is wrong with the file, and what to do, where the machine gave it.
    """
    if isinstance(error, OSError) and error.errno:
        said = f"cannot be read ({os.strerror(error.errno)}): see that it is there and may be read, and start again"
        return UserError(f"{path}: {said}")
    return UserError(f"{path}: {otherwise}")


class ClipError(UserError):
    """A file that no clip can be made of.

    Attributes:
      code: a word for the kind of fault, for counting.
      reason: the line without the file's name, which may be a patient's: for lists that go with the data.
    """

    def __init__(self, path: str | os.PathLike[str], code: str, reason: str):
        super().__init__(f"{path}: {reason}")
        self.code, self.reason = code, reason


class RecordError(UserError):
    """A record that cannot be read, or holds another clip than it should: a run may bear some (`data.max_bad_clips`)."""
