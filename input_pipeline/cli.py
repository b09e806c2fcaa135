"""How every `python -m` command starts: flags in, exit code out.

absl alone leaves with 1 and a page of usage text; here a wrong flag, a wrong config key and a wrong input are one line each
on standard error and exit code 2.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Sequence

from absl import app, flags, logging

from input_pipeline.errors import UserError

# What the machine refuses wherever a command reads or writes, and what to do next.
_REFUSED = {
    errno.EACCES: "ask its owner, or choose another folder",
    errno.EPERM: "ask its owner, or choose another folder",
    errno.EROFS: "choose another folder",
    errno.ENOSPC: "make room, and start again",
    errno.EDQUOT: "make room, and start again",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EMFILE: "raise `ulimit -n`, and start again",
    errno.EIO: "the disk or the network failed: start again, and check it if it comes again",
    errno.ESTALE: "the disk or the network failed: start again, and check it if it comes again",
}


def run(main: Callable[[Sequence[str]], None], usage: str) -> None:
    """Parses the flags, calls `main` with the positional arguments, exits with 0 or 2.

    Args:
      main: receives the arguments that are not flags, without the program name.
      usage: one line, shown by `--help` and when an argument is missing.
    """
    # A terminal that is not Unicode shows "?" for what it lacks; without this, its first dash ends a finished command.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app.usage = lambda *args, **kwargs: print(f"usage: {usage}\n\n{flags.FLAGS.main_module_help()}")
    try:
        app.run(lambda argv: main(argv[1:]), flags_parser=_parse_flags)
    except UserError as error:
        _leave(str(error))
    except BrokenPipeError:
        # A reader such as `head` has closed our standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        where = "" if error.filename is None else f"{error.filename}: "
        _leave(f"{where}{os.strerror(error.errno)}: {_REFUSED[error.errno]}")
    except KeyboardInterrupt:
        sys.exit(130)


def _parse_flags(argv: Sequence[str]) -> list[str]:
    # Below warnings, absl's and Orbax's informational lines drown our own progress display.
    logging.set_verbosity(logging.WARNING)
    try:
        return flags.FLAGS(list(argv), known_only=False)
    except SystemExit:
        # absl's --help leaves with 1; asking for help is no error.
        sys.exit(0)
    except flags.Error as error:
        _leave(str(error))
    except (AttributeError, TypeError, KeyError, ValueError) as error:
        # The config's own flags are defined while parsing: an unknown key or a value of the wrong type comes as one of these.
        if not any(arg.startswith("--config") for arg in argv):
            raise
        _leave(f"--config: {error.args[0]}")
    return []


def _leave(message: str) -> None:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    sys.exit(2)
