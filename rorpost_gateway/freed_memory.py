"""What a large message took is given back when it has gone on.

glibc's malloc learns from the first large block that is freed to keep such blocks for itself,
and keeps a heap for each thread: after some messages of 25 MB a daemon would hold several
hundred MB for ever. With fixed bounds a large block is the system's again at once. Blocks
below the bound are kept, since asking the system for each costs a message of 5 MB a third more.

mallopt(3). Elsewhere than on glibc nothing is done.
"""

import ctypes

_LARGE_OCTETS = 8 * 1024 * 1024
_KEPT_OCTETS = 16 * 1024 * 1024  # free at the end of a heap, before that is made smaller
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h


def give_back_large_blocks() -> None:
    """For this process, from now on; to be called once, before there are threads."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE_OCTETS)
        mallopt(_TRIM_THRESHOLD, _KEPT_OCTETS)
