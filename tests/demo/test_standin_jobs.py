"""The makers of jobs, held against the examples (server-api.md 15)."""

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.demo.standin.drafts import JobDraft
from flamenco_mgr.demo.standin.examples import Example, documents
from flamenco_mgr.demo.standin.jobs import flat_job, progressive_job, render_job, sleep_job, video_chunks_job


def shapes_of(tasks: Sequence[Mapping[str, Any]]) -> list[tuple[object, ...]]:
    """Return what of an example's tasks does not depend on ids, paths and times."""
    places = {task["_id"]: place for place, task in enumerate(tasks)}
    return [
        (
            task["name"],
            task["task_type"],
            task["priority"],
            sorted(places[parent] for parent in task.get("parents", ())),
            [(command["name"], *sorted(command["settings"])) for command in task["commands"]],
            [command["settings"].get("frames") for command in task["commands"]],
            [command["settings"].get("cycles_chunk_start") for command in task["commands"]],
            [command["settings"].get("weight1") for command in task["commands"]],
            [command["settings"].get("weight2") for command in task["commands"]],
            [command["settings"].get("frame_end") for command in task["commands"]],
        )
        for task in tasks
    ]


def shapes_in(draft: JobDraft) -> list[tuple[object, ...]]:
    """Return the same of a draft's tasks."""
    return shapes_of(
        [
            {
                "_id": place,
                "name": task.name,
                "task_type": task.task_type,
                "priority": task.priority,
                "commands": task.commands,
                "parents": task.parents,
            }
            for place, task in enumerate(draft.tasks)
        ]
    )


class JobsTests(SynchronousTestCase):
    maxDiff = None

    def test_render(self) -> None:
        """A render job of the example's frames has the example's tasks."""
        self.assertEqual(shapes_in(render_job(38)), shapes_of(documents(Example.BLENDER_RENDER)))

    def test_video_chunks(self) -> None:
        """A job of video chunks of the example's frames has the example's tasks."""
        self.assertEqual(shapes_in(video_chunks_job(180)), shapes_of(documents(Example.VIDEO_CHUNKS)))

    def test_progressive(self) -> None:
        """A progressive job of the example's frames and chunks has the example's tasks."""
        self.assertEqual(shapes_in(progressive_job(6)), shapes_of(documents(Example.PROGRESSIVE)))

    def test_fewer_rounds(self) -> None:
        """A progressive job of one round merges nothing, and publishes what it has."""
        names = [task.name for task in progressive_job(4, chunk_sizes=(2,)).tasks]
        self.assertEqual(
            names,
            [
                "destroy-preexisting-intermediate",
                "render-s_1-2-f_1,2",
                "render-s_1-2-f_3,4",
                "create-preview-images",
                "create-preview-video",
                "move-outdir-out-of-way",
                "publish-exr-to-output",
                "publish-jpeg-to-output",
                "publish-video-to-output",
            ],
        )

    def test_sizes(self) -> None:
        """The makers give about a hundred tasks unless told otherwise, or as many as asked."""
        self.assertEqual(len(render_job().tasks), 100)
        self.assertEqual(len(video_chunks_job().tasks), 102)
        self.assertEqual(len(sleep_job(7).tasks), 7)
        self.assertEqual(len(flat_job(1000).tasks), 1000)

    def test_parents_come_first(self) -> None:
        """A task's parents stand before it, so that there is no ring."""
        for draft in (render_job(), video_chunks_job(), progressive_job(60), flat_job(5)):
            for place, task in enumerate(draft.tasks):
                self.assertTrue(all(parent < place for parent in task.parents), task.name)

    def test_frames(self) -> None:
        """Frames are written as the compilers write them: single, as a pair, and as a range (server-api.md 15.2)."""
        _overrides, *renders, _video, _move = render_job(9, chunk_size=4).tasks
        _other, *pairs, _v, _m = render_job(4, chunk_size=2).tasks
        self.assertEqual(
            [task.name for task in renders], ["blender-render-1-4", "blender-render-5-8", "blender-render-9"]
        )
        self.assertEqual([task.commands[0]["settings"]["frames"] for task in renders], ["1..4", "5..8", "9"])
        self.assertEqual([task.commands[0]["settings"]["frames"] for task in pairs], ["1,2", "3,4"])

    def test_publishing(self) -> None:
        """A progressive job copies each frame (server-api.md 15.2)."""
        exr = progressive_job(3).tasks[-3]
        self.assertEqual([command["name"] for command in exr.commands], ["copy_file"] * 3)
        self.assertTrue(exr.commands[2]["settings"]["dest"].endswith("-000003.exr"))

    def test_examples_stay(self) -> None:
        """Making jobs leaves the examples as they are."""
        before = [dict(task) for task in documents(Example.SLEEP)]
        [task] = sleep_job(1, seconds=9).tasks
        self.assertEqual(task.commands[1]["settings"], {"time_in_seconds": 9})
        self.assertEqual(list(documents(Example.SLEEP)), before)
        self.assertEqual(before[0]["commands"][1]["settings"], {"time_in_seconds": 5})
