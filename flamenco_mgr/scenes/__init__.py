"""The scene of test tasks and of the demonstration, as contrib/make_test_blend.py has made it."""

from importlib.resources import files

TEST_SCENE = "test.blend"


def test_scene() -> bytes:
    """Return the file, saved by Blender 3.4: 24 frames that Cycles renders on the CPU, without a display."""
    return files(__name__).joinpath(TEST_SCENE).read_bytes()
