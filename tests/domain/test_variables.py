"""Variables (configuration.md 6, 15; task-lifecycle.md 16)."""

from hypothesis import given, strategies
from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.domain.variables import Audience, Direction, Variable, Variables, VariableValue

WORKERS, USERS, ALL = Audience.WORKERS, Audience.USERS, Audience.ALL


def a_variable(name: str, direction: Direction, *values: VariableValue, **everywhere: str) -> Variable:
    """Return a variable with these values, and one for each platform that is named."""
    named = (a_value(value, platform) for platform, value in everywhere.items())
    return Variable(name=name, direction=direction, values=(*values, *named))


def a_value(value: str, *platforms: str, audience: Audience = ALL) -> VariableValue:
    """Return what a variable is on these platforms."""
    return VariableValue(audience=audience, platforms=platforms, value=value)


ONE, TWO = Direction.ONEWAY, Direction.TWOWAY

FARM = Variables(
    (
        a_variable(
            "blender", ONE, linux="/opt/myblenderbuild/blender", windows="c:/temp/blender.exe", darwin="/b/blender"
        ),
        a_variable("render", TWO, linux="/render/", windows="r:/", darwin="/Volume/render/"),
        a_variable("render_long", TWO, linux="/render/long", windows="r:/long", darwin="/Volume/render/long"),
        a_variable(
            "job_storage",
            TWO,
            linux="/shared/flamenco/jobs",
            windows="s:/flamenco/jobs",
            darwin="/Volume/shared/flamenco/jobs",
            autumn="hey",
        ),
    )
)


class ReplacingTests(SynchronousTestCase):
    def assert_replaced(self, text: str, **expected: str) -> None:
        for platform, replaced in expected.items():
            self.assertEqual(FARM.replace(text, WORKERS, platform), replaced)

    def test_twice(self) -> None:
        """Fact 4 (fact 82 of task-lifecycle.md): a name that occurs twice is replaced twice."""
        settings = FARM.replace_settings({"message": "{blender} {blender}"}, WORKERS, "linux")
        self.assertEqual(settings, {"message": "/opt/myblenderbuild/blender /opt/myblenderbuild/blender"})

    def test_keys_and_numbers(self) -> None:
        """Fact 5 (fact 82): a key that looks like a name, and its number, stay as they are."""
        self.assertEqual(FARM.replace_settings({"{blender}": 3}, WORKERS, "linux"), {"{blender}": 3})

    def test_top_level_only(self) -> None:
        """Lists, nested mappings, nulls and booleans are not entered, and the stored settings are not changed."""
        settings = {"a": ["{blender}"], "b": {"c": "{blender}"}, "d": None, "e": True, "f": "{blender}"}
        replaced = FARM.replace_settings(settings, WORKERS, "darwin")
        self.assertEqual(replaced, {**settings, "f": "/b/blender"})
        self.assertEqual(settings["f"], "{blender}")

    def test_two_ways(self) -> None:
        """Fact 6 (fact 83): two-way variables are replaced on each platform, without doubled slashes."""
        self.assert_replaced(
            "{job_storage}/x",
            linux="/shared/flamenco/jobs/x",
            windows="s:/flamenco/jobs/x",
            darwin="/Volume/shared/flamenco/jobs/x",
        )
        self.assert_replaced("{render}/x", linux="/render/x", windows="r:/x", darwin="/Volume/render/x")

    def test_longer_name(self) -> None:
        """Fact 6 (fact 83): a name that begins like another is not confused with it."""
        self.assert_replaced("{render_long}/x", linux="/render/long/x", windows="r:/long/x")

    def test_platform_that_one_knows(self) -> None:
        """Fact 7 (fact 84): on a platform that only one variable knows that one is replaced; the others stay."""
        self.assert_replaced("{job_storage}/x", autumn="hey/x")
        self.assert_replaced("{render_long}/x", autumn="{render_long}/x")
        self.assert_replaced("{blender}", autumn="{blender}")

    def test_unknown(self) -> None:
        """Fact 8: unknown names stay on every platform, braces included."""
        for text in ("{hey}/haha", "{}", "{", "}{", "{blender", "{ blender }", "{Blender}"):
            self.assert_replaced(text, linux=text, windows=text, darwin=text, autumn=text, spring=text)

    def test_for_the_manager(self) -> None:
        """Fact 9 (fact 85): empty text and text without known names stay; known names get this platform's value."""
        for text, expected in (
            ("", ""),
            ("hheyyyy", "hheyyyy"),
            ("{unknown}", "{unknown}"),
            ("{render}/here", "/render/here"),
        ):
            self.assertEqual(FARM.replace(text, WORKERS, "linux"), expected)

    def test_braces_around(self) -> None:
        """A name inside further braces is found."""
        self.assert_replaced("{{job_storage}} {x{job_storage}", autumn="{hey} {xhey")

    def test_one_pass(self) -> None:
        """What a value contains is not replaced again (configuration.md 16.18)."""
        variables = Variables((a_variable("a", ONE, linux="{b}"), a_variable("b", ONE, linux="{a}")))
        self.assertEqual(variables.replace("{a}{b}", WORKERS, "linux"), "{b}{a}")

    def test_value_is_no_pattern(self) -> None:
        """A value's backslashes and dollars arrive as they are."""
        variables = Variables((a_variable("a", ONE, windows=r"C:\1\g<0>$1"),))
        self.assertEqual(variables.replace("{a}", WORKERS, "windows"), r"C:\1\g<0>$1")

    @given(strategies.text(), strategies.sampled_from(["linux", "windows", "darwin", "autumn", "spring"]))
    def test_other_text_stays(self, text: str, platform: str) -> None:
        """Text without braces stays as it is, whatever it is."""
        text = text.replace("{", "")
        self.assertEqual(FARM.replace(text, USERS, platform), text)


class LookupTests(SynchronousTestCase):
    def test_unknown(self) -> None:
        """The names in a text that have no value on a platform, each once and in order."""
        variables = Variables((a_variable("known", ONE, linux="/k"), a_variable("w", ONE, windows="W:")))
        self.assertEqual(variables.unknown("{w}/{known}/{x}/{w}/{}", WORKERS, "linux"), ("w", "x"))
        self.assertEqual(variables.unknown("{known}{w}", WORKERS, "beos"), ("known", "w"))
        self.assertEqual(variables.unknown("plain", WORKERS, "linux"), ())

    def test_audiences(self) -> None:
        """A value for all counts for both audiences; one for an audience counts for that one alone."""
        variables = Variables(
            (
                a_variable("blender", ONE, a_value("/all", "linux"), a_value("/farm", "linux", audience=WORKERS)),
                a_variable("desk", ONE, a_value("/desk", "linux", audience=USERS)),
            )
        )
        self.assertEqual(variables.value(WORKERS, "linux", "blender"), "/farm")
        self.assertEqual(variables.value(USERS, "linux", "blender"), "/all")
        self.assertEqual(variables.value(USERS, "linux", "desk"), "/desk")
        self.assertIsNone(variables.value(WORKERS, "linux", "desk"))

    def test_later_wins(self) -> None:
        """Of two values for the same audience and platform the later one counts."""
        variable = a_variable("a", ONE, a_value("1", "linux", "darwin", audience=WORKERS), a_value("2", "linux"))
        variables = Variables((variable,))
        self.assertEqual(variables.value(WORKERS, "linux", "a"), "2")
        self.assertEqual(variables.value(WORKERS, "darwin", "a"), "1")

    def test_slashes_at_the_end(self) -> None:
        """Slashes at the end are taken off two-way values only."""
        variables = Variables((a_variable("one", ONE, linux="/x//"), a_variable("two", TWO, linux="/x//")))
        self.assertEqual(variables.value(WORKERS, "linux", "one"), "/x//")
        self.assertEqual(variables.value(WORKERS, "linux", "two"), "/x")

    def test_value_without_platform(self) -> None:
        """Fact 87: a value without a platform is for nobody, and does no harm to its neighbours."""
        variables = Variables((a_variable("a", ONE, a_value("nobody's"), a_value("linux's", "linux")),))
        self.assertEqual(variables.replace("{a}", WORKERS, "linux"), "linux's")
        self.assertEqual(variables.replace("{a}", WORKERS, ""), "{a}")


class TranslatingTests(SynchronousTestCase):
    def translated(self, path: str, from_platform: str, to_platform: str, variables: Variables = FARM) -> str:
        return variables.translate_path(path, from_platform, to_platform, WORKERS)

    def test_between_platforms(self) -> None:
        """A path below a two-way value is the same path below that variable's value on the other platform."""
        for path, platform in (
            ("/shared/flamenco/jobs/a/1.exr", "linux"),
            ("s:/flamenco/jobs/a/1.exr", "windows"),
            ("/Volume/shared/flamenco/jobs/a/1.exr", "darwin"),
        ):
            self.assertEqual(self.translated(path, platform, "linux"), "/shared/flamenco/jobs/a/1.exr")
            self.assertEqual(self.translated(path, platform, "windows"), "s:/flamenco/jobs/a/1.exr")

    def test_windows_spelling(self) -> None:
        """On Windows either slash and capitals or small letters begin a path alike; the rest keeps its letters."""
        self.assertEqual(
            self.translated(r"S:\FLAMENCO\Jobs\Shot A\1.EXR", "windows", "linux"), "/shared/flamenco/jobs/Shot A/1.EXR"
        )
        self.assertEqual(self.translated("R:\\a.exr", "windows", "darwin"), "/Volume/render/a.exr")

    def test_platform_as_it_was_read(self) -> None:
        """Platforms are told apart by their names, also when these were read; one that nobody knows has its slashes."""
        here, there = b"linux".decode(), b"windows".decode()
        self.assertEqual(self.translated("/render/x", here, "linux"), "/render/x")
        self.assertEqual(self.translated("R:\\x", there, "windows"), "R:\\x")
        for odd in ("zos", "aix"):
            values = (a_value("R:/a", there), a_value("/a", odd))
            both = Variables((Variable(name="job", direction=Direction.TWOWAY, values=values),))
            self.assertEqual(self.translated("r:\\A\\x", there, odd, both), "/a/x")
            self.assertEqual(self.translated("/a/x", odd, there, both), "R:/a/x")
            for other in ("\\a\\x", "/A/x"):
                self.assertEqual(self.translated(other, odd, there, both), other)

    def test_windows_value_with_backslashes(self) -> None:
        """A two-way value that was written with backslashes is recognised too."""
        variables = Variables((a_variable("r", TWO, windows="R:\\farm\\", linux="/r"),))
        self.assertEqual(self.translated("r:/farm/a.exr", "windows", "linux", variables), "/r/a.exr")

    def test_exact_elsewhere(self) -> None:
        """On other platforms capitals count, and a backslash is part of a name."""
        for path in ("/RENDER/a.exr", "\\render\\a.exr"):
            self.assertEqual(self.translated(path, "linux", "windows"), path)
        self.assertEqual(self.translated("/render/a\\b.exr", "linux", "darwin"), "/Volume/render/a\\b.exr")

    def test_longest(self) -> None:
        """The longest value that fits is taken."""
        variables = Variables(
            (
                a_variable("short", TWO, linux="/r", windows="S:"),
                a_variable("long", TWO, linux="/r/long", windows="L:"),
            )
        )
        self.assertEqual(self.translated("/r/long/a.exr", "linux", "windows", variables), "L:/a.exr")
        self.assertEqual(self.translated("/r/longer/a.exr", "linux", "windows", variables), "S:/longer/a.exr")

    def test_boundary(self) -> None:
        """A value counts only where a directory's name ends."""
        for path in ("/renders/a.exr", "/render2/a.exr"):
            self.assertEqual(self.translated(path, "linux", "windows"), path)
        self.assertEqual(self.translated("/render", "linux", "windows"), "r:")

    def test_unknown_there(self) -> None:
        """A longer value that the other platform does not know does not hide a shorter one that it knows."""
        variables = Variables(
            (
                a_variable("short", TWO, linux="/r", darwin="/d"),
                a_variable("long", TWO, linux="/r/long"),
            )
        )
        self.assertEqual(self.translated("/r/long/a.exr", "linux", "darwin", variables), "/d/long/a.exr")

    def test_unchanged(self) -> None:
        """Paths below no value, of the same platform or of an unknown one stay as they are, and so does nothing."""
        for path, here, there in (
            ("/home/a.exr", "linux", "windows"),
            ("R:\\a.exr", "windows", "windows"),
            ("/render/a.exr", "spring", "linux"),
            ("/render/a.exr", "linux", "spring"),
            ("", "linux", "windows"),
        ):
            self.assertEqual(self.translated(path, here, there), path)

    def test_oneway_is_no_path(self) -> None:
        """One-way values are not recognised in paths."""
        path = "/opt/myblenderbuild/blender/a.exr"
        self.assertEqual(self.translated(path, "linux", "windows"), path)

    def test_root(self) -> None:
        """A value that is the root directory is below nothing, and everything that is absolute is below it."""
        variables = Variables((a_variable("all", TWO, linux="/", windows="Z:"),))
        self.assertEqual(self.translated("/a/b.exr", "linux", "windows", variables), "Z:/a/b.exr")
        self.assertEqual(self.translated("b.exr", "linux", "windows", variables), "b.exr")
        self.assertEqual(self.translated("z:\\a\\b.exr", "windows", "linux", variables), "/a/b.exr")
        self.assertEqual(self.translated("z:", "windows", "linux", variables), "/")

    def test_empty_value(self) -> None:
        """An empty value is the beginning of no path, on either side, not even when an earlier value was one."""
        variable = a_variable("a", TWO, a_value("/r", "linux"), a_value("", "linux"), windows="R:")
        self.assertEqual(self.translated("/r/b.exr", "linux", "windows", Variables((variable,))), "/r/b.exr")
        self.assertEqual(self.translated("R:/b.exr", "windows", "linux", Variables((variable,))), "R:/b.exr")

    @given(strategies.lists(strategies.sampled_from("abc DEF_é."), min_size=1, max_size=8).map("".join))
    def test_there_and_back(self, name: str) -> None:
        """A path that is translated to another platform and back is the same path."""
        path = f"/shared/flamenco/jobs/{name}/1.exr"
        for platform in ("windows", "darwin"):
            self.assertEqual(self.translated(self.translated(path, "linux", platform), platform, "linux"), path)
