"""
Run several commands of the program in one process: most of a short run is the start of Python.

A script. Each line of standard input is a JSON list of arguments, and each line of standard output
``[exit code, stdout, stderr]`` of that command.
"""

from __future__ import annotations

import json
import random
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, TextIOWrapper


def main() -> None:
    # The pauses between two tries at a URL are random; these have no length.
    random.random = lambda: 0.0
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)


def run(arguments: list[str]) -> tuple[int, str, str]:
    from proxyfeed.cli import app

    out, err = (TextIOWrapper(BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        code = app.run(arguments)
    return code, _text(out), _text(err)


def _text(stream: TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


if __name__ == "__main__":
    main()
