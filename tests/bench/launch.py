"""
A script that runs one program to its end and prints what it cost, as JSON.

    python -I -S launch.py STDIN STDOUT STDERR PROGRAM [ARGUMENT ...]

It is a process of its own because the kernel counts the memory of whoever starts a program as the
program's own: without it everything would seem to need what the harness needs.
"""

import json
import os
import sys
import time


def main() -> None:
    stdin, stdout, stderr, *argv = sys.argv[1:]
    written = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    redirections = [
        (os.POSIX_SPAWN_OPEN, 0, stdin, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, stdout, written, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, stderr, written, 0o600),
    ]
    began = time.perf_counter()
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=redirections)
    _, status, usage = os.wait4(pid, 0)
    cost = {
        "wall": time.perf_counter() - began,
        "cpu": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss / 1024,
        "code": os.waitstatus_to_exitcode(status),
    }
    print(json.dumps(cost))


if __name__ == "__main__":
    main()
