"""The one exception for everything that a user can cause and mend."""


class UserError(Exception):
    """Wrong input, told in one line: what, where, what was expected, what to do next.

    Entry points print the message and leave with exit code 2 (see `input_pipeline.cli`); in Python it is an ordinary
    exception. Anything else that escapes is a bug of ours and keeps its traceback.
    """
