"""How memory is given back: what a large message took, and what a large policy must not cost.

glibc's malloc learns from the first large block that is freed to keep such blocks for itself,
and keeps a heap for each thread: after some messages of 25 MB a daemon would hold several
hundred MB for ever. With fixed bounds a large block is the system's again at once. Blocks
below the bound are kept, since asking the system for each costs a message of 5 MB a third more.

mallopt(3). Elsewhere than on glibc nothing is done.
"""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_LARGE_OCTETS = 8 * 1024 * 1024
_KEPT_OCTETS = 16 * 1024 * 1024  # free at the end of a heap, before that is made smaller
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h


def give_back_large_blocks() -> None:
    """For this process, from now on; to be called once, before there are threads."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE_OCTETS)
        mallopt(_TRIM_THRESHOLD, _KEPT_OCTETS)


@contextmanager
def uncollected() -> Iterator[None]:
    """No garbage collection while a large policy grows, nor ever again for what has grown.

    A collection walks over every object and holds up all threads; what is here has no
    cycles, so that counting references is enough to be rid of it.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
