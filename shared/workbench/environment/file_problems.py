"""Why a file cannot be read or written, in words that need no table of error numbers."""

from __future__ import annotations

import errno

_WORDS = {
    errno.ENOENT: "there is no such file or folder",
    errno.EISDIR: "that is a folder, not a file",
    errno.ENOTDIR: "a part of its path is no folder",
    errno.EEXIST: "a file stands in the place of a folder",
    errno.EACCES: "this user has no right to it",
    errno.EPERM: "this user has no right to it",
    errno.EROFS: "nothing can be written there",
    errno.ENOSPC: "the disk is full",
    errno.EPIPE: "nobody reads it any more",
}


def why(error: OSError) -> str:
    """The reason alone: the caller names the file as the person named it."""
    known = _WORDS.get(error.errno) if error.errno is not None else None
    return known or error.strerror or type(error).__name__
