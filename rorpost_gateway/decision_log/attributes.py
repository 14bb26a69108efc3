"""What `chattr` has set on a file (ioctl_iflags(2)), where the file system can tell."""

import array
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

_FS_IOC_GETFLAGS = 0x80086601  # on x86, Arm, RISC-V and s390; elsewhere nothing is known
_FS_IMMUTABLE_FL = 0x00000010
_FS_APPEND_FL = 0x00000020


@dataclass(frozen=True, kw_only=True)
class Attributes:
    append_only: bool  # chattr +a
    immutable: bool  # chattr +i


def attributes_of(path: Path) -> Attributes | None:
    """None where the file system has no such attributes, or this user may not open the file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        flags = array.array("i", [0, 0])
        fcntl.ioctl(fd, _FS_IOC_GETFLAGS, flags, True)  # noqa: FBT003  in place
    except OSError:
        return None
    finally:
        os.close(fd)
    return Attributes(append_only=bool(flags[0] & _FS_APPEND_FL), immutable=bool(flags[0] & _FS_IMMUTABLE_FL))
