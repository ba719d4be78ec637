"""Which of the files that workers say they wrote may become the latest image (worker-api.md 4.9)."""

import re
from pathlib import PurePosixPath

IMAGE_SUFFIXES = frozenset({".exr", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".tga", ".bmp", ".dpx", ".hdr", ".webp"})
LONGEST_PATH = 4096

_WINDOWS_DRIVE = re.compile(r"[A-Za-z]:/")


def is_plain_image_path(path: str) -> bool:
    """
    Whether a path is an absolute one of an image file, and nothing else to any program.

    Image converters understand URLs, ``@file`` and other prefixes; none of those begins like an absolute path.
    """
    slashed = path.replace("\\", "/")
    if len(path) > LONGEST_PATH or not path.isprintable() or ".." in slashed.split("/"):
        return False
    if not slashed.startswith("/") and not _WINDOWS_DRIVE.match(slashed):
        return False
    return PurePosixPath(slashed).suffix.lower() in IMAGE_SUFFIXES
