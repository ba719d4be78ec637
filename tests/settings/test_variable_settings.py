"""The variables of a configuration (configuration.md 6)."""

from flamenco_mgr.domain.variables import Audience, Direction, Variable, Variables, VariableValue
from flamenco_mgr.settings import Settings
from tests.settings.files import V2, FileTestCase


class VariablesTests(FileTestCase):
    def read(self, content: str) -> tuple[Variable, ...]:
        """Return the variables that this mapping defines."""
        return self.settings(f"variables: {content}").variables

    def assert_refused(self, content: str, *parts: str) -> None:
        """Check that this mapping of variables has one mistake, and what is said of it."""
        self.assert_mistake(f"{V2}variables: {content}", *parts)

    def test_examples(self) -> None:
        """Facts 1 and 86: the variables of a new file, as they are looked up."""
        variables = {variable.name: variable for variable in Settings().variables}
        self.assertEqual(sorted(variables), ["blender", "ffmpeg", "job_storage", "render", "shaman"])
        ffmpeg = variables["ffmpeg"]
        self.assertEqual(ffmpeg.direction, Direction.ONEWAY)
        self.assertEqual((ffmpeg.values[0].platforms, ffmpeg.values[0].value), (("linux",), "/usr/bin/ffmpeg"))
        found = Variables(Settings().variables)
        self.assertEqual(found.value(Audience.WORKERS, "linux", "job_storage"), "/shared/flamenco/jobs")
        self.assertEqual(found.value(Audience.USERS, "windows", "job_storage"), "S:/flamenco/jobs")
        self.assertEqual(found.value(Audience.WORKERS, "linux", "blender"), "/farm/path/to/blender")
        self.assertEqual(found.value(Audience.USERS, "linux", "blender"), "/linux/path/to/blender")

    def test_file_defines_all(self) -> None:
        """A file's variables are all there are; a file without any has none (configuration.md 16.2)."""
        one = "{render: {direction: twoway, values: [{platform: linux, value: /r}]}}"
        self.assertEqual([variable.name for variable in self.read(one)], ["render"])
        self.assertEqual(self.read(""), ())
        self.assertEqual(self.settings("").variables, ())

    def test_values(self) -> None:
        """Values keep their order; an audience that is missing or empty means all."""
        (variable,) = self.read(
            "{a: {direction: twoway, values: ["
            "{platforms: [windows, darwin], audience: workers, value: 1e5}, {platform: linux, audience: , value: }]}}"
        )
        self.assertEqual(
            variable,
            Variable(
                name="a",
                direction=Direction.TWOWAY,
                values=(
                    VariableValue(audience=Audience.WORKERS, platforms=("windows", "darwin"), value="1e5"),
                    VariableValue(audience=Audience.ALL, platforms=("linux",), value=""),
                ),
            ),
        )

    def test_both_platform_keys(self) -> None:
        """The keys platform and platforms together are united, with a warning."""
        loaded = self.load(
            f"{V2}variables:\n  a:\n    direction: oneway\n"
            "    values: [{platform: linux, platforms: [darwin, linux], value: x}]"
        )
        self.assertEqual(loaded.settings.variables[0].values[0].platforms, ("linux", "darwin"))
        self.assertEqual(len(loaded.warnings), 1)
        self.assertIn("variables.a.values[0]", loaded.warnings[0])

    def test_one_name_for_platforms(self) -> None:
        """A single text under platforms is one platform."""
        (variable,) = self.read("{a: {direction: oneway, values: [{platforms: linux, value: x}]}}")
        self.assertEqual(variable.values[0].platforms, ("linux",))

    def test_backslashes(self) -> None:
        """A backslash in a two-way value is worth a warning, in a one-way value it is not."""
        for direction, count in (("twoway", 1), ("oneway", 0)):
            warnings = self.warnings(
                f"variables: {{a: {{direction: {direction}, values: [{{platform: windows, value: 'R:\\x'}}]}}}}"
            )
            self.assertEqual(len(warnings), count)

    def test_missing_platform(self) -> None:
        """Facts 2 and 87: a value without a platform is a mistake; its neighbours are none."""
        self.assert_refused(
            "{blender: {direction: oneway, values: [{value: /x}, {platform: linux, value: /y}]}}",
            "variables.blender.values[0]",
            "missing platform",
        )

    def test_mistakes(self) -> None:
        """Mistakes are named with the variable and the place in it."""
        for content, *parts in (
            ("{a: x}", "variables.a", "a direction and values"),
            ("{a: }", "variables.a", "a direction and values"),
            ("{a: {values: []}}", "variables.a.direction", "oneway or twoway"),
            ("{a: {direction: two-way}}", "variables.a.direction", "did you mean 'twoway'?"),
            ("{a: {direction: oneway, value: x}}", "variables.a.value", "did you mean 'values'?"),
            ("{a: {direction: oneway, values: {linux: x}}}", "variables.a.values", "must be a list"),
            ("{a: {direction: oneway, values: [x]}}", "variables.a.values[0]", "must be a mapping"),
            ("{a: {direction: oneway, values: [{platform: l, value: [x]}]}}", "values[0].value", "must be a text"),
            ("{a: {direction: oneway, values: [{platform: l}]}}", "values[0].value", "must be a text"),
            ("{a: {direction: oneway, values: [{platform: [l], value: x}]}}", "values[0]", "platform"),
            ("{a: {direction: oneway, values: [{platforms: [l, ], value: x, audience: worker}]}}", "'workers'"),
            ("{a: {direction: oneway, values: [{platfrom: l, platform: l, value: x}]}}", "'platform'"),
            ("{'': {direction: oneway}}", "variables.''", "name"),
            ("{'a}': {direction: oneway}}", "variables.a}", "brace"),
        ):
            self.assert_refused(content, *parts)
