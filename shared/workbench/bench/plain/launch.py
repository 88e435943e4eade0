"""Runs one command and reports what it used: `launch.py STDOUT STDERR FOLDER COMMAND...`.

A child's peak memory (`ru_maxrss`) begins at that of its parent, so the parent must be smaller than the measured child.
This process is a bare interpreter of about 10 MiB, and starts anew for each command.

It prints: exit status, wall seconds, CPU seconds (user and system, of the command and its children), peak KiB.
"""

from __future__ import annotations

import os
import sys
import time


def main(stdout: str, stderr: str, folder: str, *command: str) -> None:
    """Raises: OSError: the command could not be started."""
    os.chdir(folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, stdout, flags, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, stderr, flags, 0o600),
    ]
    started = time.perf_counter()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=files)
    _, status, used = os.wait4(pid, 0)
    wall_s = time.perf_counter() - started
    print(os.waitstatus_to_exitcode(status), wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss)


if __name__ == "__main__":
    main(*sys.argv[1:])
