"""Makers of jobs of any size, in the shapes of the examples (server-api.md 15.2)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from attrs import evolve

from flamenco_mgr.demo.standin.drafts import JobDraft, TaskDraft
from flamenco_mgr.demo.standin.examples import Example, documents

_SAMPLES: Final = (2, 12, 33, 64)
"""How many samples a progressive job has after each of its rounds."""

_WRITTEN_OUT: Final = 2
"""So many frames in a row are written with a comma, more as a range."""


def sleep_job(count: int, *, seconds: float = 5, priority: int = 50) -> JobDraft:
    """Return a job of ``count`` tasks that wait for nothing and sleep."""
    model = _model(Example.SLEEP, "sleep-1-3")
    tasks = [_like(model, name=f"sleep-{frame}", time_in_seconds=seconds) for frame in range(1, count + 1)]
    return JobDraft(name=f"sleep {count} times", job_type="sleep", tasks=tasks, priority=priority)


def flat_job(count: int, *, task_type: str = "sleep", priority: int = 50) -> JobDraft:
    """Return a job of ``count`` tasks that wait for nothing and share one list of commands, so that many fit."""
    commands = _model(Example.SLEEP, "sleep-1-3")["commands"]
    tasks = [TaskDraft(name=f"flat-{number}", task_type=task_type, commands=commands) for number in range(count)]
    return JobDraft(name=f"{count} alike", job_type="sleep", tasks=tasks, priority=priority)


def render_job(frames: int = 970, *, chunk_size: int = 10, priority: int = 50) -> JobDraft:
    """Return a job that writes its overrides, renders the frames chunk by chunk, makes a video, and moves it."""
    overrides = _like(_model(Example.BLENDER_RENDER, "rna-overrides"))
    model = _model(Example.BLENDER_RENDER, "blender-render-1-10")
    renders = [
        _like(model, name=f"blender-render-{_in_name(first, last)}", parents=(0,), frames=_in_command(first, last))
        for first, last in _chunks(1, frames, chunk_size)
    ]
    video = _like(_model(Example.BLENDER_RENDER, "create-video"), parents=range(1, len(renders) + 1))
    move = _like(_model(Example.BLENDER_RENDER, "move-to-final"), parents=(len(renders) + 1,))
    return JobDraft(
        name=f"render {frames} frames",
        job_type="blender-render",
        tasks=[overrides, *renders, video, move],
        priority=priority,
    )


def video_chunks_job(frames: int = 2880, *, first: int = 101, chunk_size: int = 60, priority: int = 50) -> JobDraft:
    """Return a job that renders and encodes chunk by chunk, renders the audio, and puts it all together."""
    example = Example.VIDEO_CHUNKS
    tasks = [_like(_model(example, "move-out-of-way"))]
    encoded = []
    for begin, end in _chunks(first, frames, chunk_size):
        tasks.append(
            _like(
                _model(example, "frame-chunk-101-160"),
                name=f"frame-chunk-{_in_name(begin, end)}",
                parents=(0,),
                frames=_in_command(begin, end),
            )
        )
        encoded.append(len(tasks))
        tasks.append(
            _like(
                _model(example, "video-chunk-101-160"),
                name=f"video-chunk-{_in_name(begin, end)}",
                parents=(len(tasks) - 1,),
            )
        )
    audio = len(tasks)
    tasks += [
        _like(_model(example, "render-audio"), parents=(0,), frame_start=first, frame_end=first + frames - 1),
        _like(_model(example, "encode-audio"), parents=(audio,)),
        _like(_model(example, "concatenate-videos"), parents=encoded),
        _like(_model(example, "mux-audio-video"), parents=(audio + 1, audio + 2)),
        _like(_model(example, "move-with-counter"), parents=(audio + 3,)),
    ]
    return JobDraft(name=f"{frames} frames of video", job_type="blender-video-chunks", tasks=tasks, priority=priority)


def progressive_job(frames: int = 6, *, chunk_sizes: Sequence[int] = (6, 6, 4, 3), priority: int = 50) -> JobDraft:
    """
    Return a job that renders all frames with few samples, then with more, merging and previewing each time.

    There are as many rounds as ``chunk_sizes``, up to four; each has the frames that one of its tasks renders.
    """
    return JobDraft(
        name=f"render {frames} frames progressively",
        job_type="blender-render-progressive",
        tasks=_progressive_tasks(frames, chunk_sizes),
        priority=priority,
    )


def _progressive_tasks(frames: int, chunk_sizes: Sequence[int]) -> list[TaskDraft]:
    example = Example.PROGRESSIVE
    tasks = [_like(_model(example, "destroy-preexisting-intermediate"))]
    rendered: list[int] = []
    images: list[int] = []
    video: list[int] = []
    for number, ((before, samples), chunk_size) in enumerate(zip(pairwise((0, *_SAMPLES)), chunk_sizes, strict=False)):
        renders = range(len(tasks), len(tasks) + len(list(_chunks(1, frames, chunk_size))))
        tasks += [
            _like(
                _model(example, "render-s_1-2-f_1-6"),
                name=f"render-s_{before + 1}-{samples}-f_{_in_name(first, last)}",
                parents=(0,),
                priority=-10 * number,
                frames=_in_command(first, last),
                cycles_chunk_start=before + 1,
                cycles_chunk_end=samples,
            )
            for first, last in _chunks(1, frames, chunk_size)
        ]
        rendered += renders
        if number:
            tasks.append(
                _like(
                    _model(example, "merge-to-s_12-f_1-6"),
                    name=f"merge-to-s_{samples}-f_{_in_name(1, frames)}",
                    parents=rendered,
                    weight1=before,
                    weight2=samples - before,
                    frame_end=frames,
                )
            )
            rendered = [len(tasks) - 1]
        tasks.append(_like(_model(example, "create-preview-images"), parents=images + rendered))
        images = [len(tasks) - 1]
        tasks.append(_like(_model(example, "create-preview-video"), parents=video + images))
        video = [len(tasks) - 1]
    tasks.append(_like(_model(example, "move-outdir-out-of-way"), parents=rendered))
    moved = [len(tasks) - 1]
    return [
        *tasks,
        _for_each_frame(_like(_model(example, "publish-exr-to-output"), parents=moved), frames),
        _for_each_frame(_like(_model(example, "publish-jpeg-to-output"), parents=images + moved), frames),
        _like(_model(example, "publish-video-to-output"), parents=video + moved),
    ]


def _model(example: Example, name: str) -> Mapping[str, Any]:
    return next(document for document in documents(example) if document["name"] == name)


def _like(
    model: Mapping[str, Any],
    *,
    name: str | None = None,
    parents: Iterable[int] = (),
    priority: int | None = None,
    **settings: object,
) -> TaskDraft:
    """Return a task like the model, with these settings in those of its commands that have them."""
    return TaskDraft(
        name=model["name"] if name is None else name,
        task_type=model["task_type"],
        commands=[
            {**command, "settings": {key: settings.get(key, value) for key, value in command["settings"].items()}}
            for command in model["commands"]
        ],
        parents=tuple(parents),
        priority=model["priority"] if priority is None else priority,
    )


def _for_each_frame(task: TaskDraft, frames: int) -> TaskDraft:
    """Return the task with its first command, which is for frame 1, once for each frame."""
    command = task.commands[0]
    commands = [
        {
            **command,
            "settings": {key: value.replace(f"{1:06}", f"{frame:06}") for key, value in command["settings"].items()},
        }
        for frame in range(1, frames + 1)
    ]
    return evolve(task, commands=commands)


def _chunks(first: int, frames: int, size: int) -> Iterator[tuple[int, int]]:
    end = first + frames - 1
    for begin in range(first, end + 1, size):
        yield begin, min(begin + size - 1, end)


def _in_name(first: int, last: int) -> str:
    return _written(first, last, "-")


def _in_command(first: int, last: int) -> str:
    return _written(first, last, "..")


def _written(first: int, last: int, dash: str) -> str:
    if first == last:
        return str(first)
    return f"{first}{',' if last - first < _WRITTEN_OUT else dash}{last}"
