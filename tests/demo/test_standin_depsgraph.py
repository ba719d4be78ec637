"""How tasks are handed out and asked about (server-api.md 3, 4, 12.3)."""

from flamenco_mgr.demo.standin.examples import LAST_UPDATED, Example, documents, newest
from flamenco_mgr.demo.standin.jobs import flat_job, render_job, sleep_job
from flamenco_mgr.demo.standin.statuses import JobStatus, TaskStatus
from tests.demo.standin_case import MANAGER, SINCE, Answer, StandInTestCase


class DepsgraphTests(StandInTestCase):
    def test_no_job(self) -> None:
        """Without a runnable job it is 204, whatever the Manager has."""
        self.books.set_job_status(self.books.add_job(sleep_job(1)).id, JobStatus.ARCHIVING)
        self.assertEqual(self.depsgraph().code, 204)
        self.assertEqual(self.depsgraph("2019-11-12T13:57:09+00:00").code, 204)

    def test_nothing_for_a_clean_slate(self) -> None:
        """A runnable job without a runnable task gives a clean slate an empty list, and no header."""
        job = self.claimed_job(2)
        self.books.set_task_status(next(iter(job.tasks)), TaskStatus.PAUSED)
        self.books.set_task_status(list(job.tasks)[1], TaskStatus.COMPLETED)
        answer = self.depsgraph()
        self.assertEqual((answer.code, answer.json), (200, {"depsgraph": []}))
        self.assertIsNone(answer.header("X-Flamenco-Last-Updated"))

    def test_since_is_strict(self) -> None:
        """A task as old as the header is not newer; one millisecond more is."""
        self.books.add_job(sleep_job(1))
        for since, code in (("09.412", 304), ("09.411", 200), ("09.411999", 200), ("09.412001", 304)):
            self.assertEqual(self.depsgraph(f"2019-11-12T13:57:{since}+00:00").code, code, since)

    def test_unreadable_since(self) -> None:
        """A header that is no time gives 500."""
        self.books.add_job(sleep_job(1))
        self.assertEqual(self.depsgraph("last week").code, 500)

    def test_content_type_on_get(self) -> None:
        """A GET that claims to have JSON gives 400 (server-api.md 1)."""
        path = f"/api/flamenco/managers/{MANAGER}/depsgraph"
        self.assertEqual(self.request("GET", path, headers={"Content-Type": "application/json"}).code, 400)

    def test_a_claim_changes_no_etag(self) -> None:
        """Handing out changes the status, drops the log's place, and leaves etag and time (server-api.md 3.3)."""
        [task] = self.claimed_job(1).tasks.values()
        self.report("completed", task.id)
        self.books.note_log(task, "task.txt.gz")
        self.books.requeue_task(task.id)
        etag, updated = task.etag, task.updated
        self.clock.advance(1)
        [found] = self.depsgraph().json["depsgraph"]
        self.assertEqual((found["_etag"], task.etag, task.updated), (etag, etag, updated))
        self.assertNotIn("log_file", found)

    def test_parents(self) -> None:
        """Parents are ids of the same job, and there is no such key without any (server-api.md 3.4)."""
        job = self.books.add_job(render_job(20))
        overrides, first, second, video, move = self.depsgraph().json["depsgraph"]
        self.assertNotIn("parents", overrides)
        self.assertEqual(video["parents"], [first["_id"], second["_id"]])
        self.assertEqual(move["parents"], [video["_id"]])
        self.assertEqual({overrides["job"], move["job"]}, {job.id})

    def test_late_visibility(self) -> None:
        """A job that took long is older than the instant from which on it is there (server-api.md 11.5)."""
        self.books.add_job(sleep_job(1))
        since = self.depsgraph().header("X-Flamenco-Last-Updated")
        self.clock.advance(3)
        self.books.add_job(sleep_job(1), took=5)
        self.assertEqual(self.depsgraph(since).code, 304)

    def test_examples(self) -> None:
        """An example that is loaded comes as it is, with its header."""
        for example in Example:
            self.setUp()
            self.books.load(documents(example), newest=newest(example))
            answer = self.depsgraph()
            self.assertEqual(answer.json["depsgraph"], list(documents(example)))
            self.assertEqual(answer.header("X-Flamenco-Last-Updated"), LAST_UPDATED[example])
        self.assertEqual(self.pushed()["cancel_task_ids"], ["5dd2f0c09a0b1c002155aa03"])

    def test_many(self) -> None:
        """Thousands of tasks come in one answer, in order, as they were when they were asked for."""
        job = self.books.add_job(flat_job(3000))
        answer = self.depsgraph()
        self.assertEqual([task["_id"] for task in answer.json["depsgraph"]], list(job.tasks))

    def test_seed(self) -> None:
        """The same seed gives the same ids and etags, and a job's ids grow."""
        answers = []
        for _ in range(2):
            self.setUp()
            self.books.add_job(sleep_job(3))
            answers.append(self.depsgraph().body)
        self.assertEqual(*answers)
        ids = list(self.books.add_job(sleep_job(20)).tasks)
        self.assertEqual(ids, sorted(ids))

    def test_record(self) -> None:
        """Each download is recorded with what was asked and what came."""
        self.books.add_job(sleep_job(2))
        self.depsgraph(self.depsgraph().header("X-Flamenco-Last-Updated"))
        found = [(download.since, download.status, download.tasks) for download in self.record.downloads]
        self.assertEqual(found, [("", 200, 2), ("2019-11-12T13:57:09.412000+00:00", 304, 0)])


class TaskTests(StandInTestCase):
    def ask(self, task_id: str, etag: str) -> Answer:
        return self.request("GET", f"/api/flamenco/tasks/{task_id}", headers={"If-None-Match": etag})

    def test_current(self) -> None:
        """The etag is compared as a text without quotes, and the strength of it does not count (server-api.md 4)."""
        [task] = self.claimed_job(1).tasks.values()
        for etag in (task.etag, f'"{task.etag}"', f'W/"{task.etag}"'):
            answer = self.ask(task.id, etag)
            self.assertEqual((answer.code, answer.body), (304, b""))

    def test_changed(self) -> None:
        """Another etag gives the whole task, its etag and its time."""
        [task] = self.claimed_job(1).tasks.values()
        old = task.etag
        self.clock.advance(2)
        self.books.set_job_priority(task.job, 77)
        answer = self.ask(task.id, old)
        self.assertEqual((answer.code, answer.json), (200, dict(task.document)))
        self.assertEqual(answer.json["job_priority"], 77)
        self.assertEqual(answer.header("ETag"), f'"{task.etag}"')
        self.assertEqual(answer.header("Last-Modified"), "Tue, 12 Nov 2019 13:57:11 GMT")

    def test_etags(self) -> None:
        """An etag tells by its length what made it (server-api.md 3.4)."""
        [task] = self.claimed_job(1).tasks.values()
        self.assertEqual(len(task.etag), 40)
        self.report("active", task.id)
        self.assertEqual(len(task.etag), 43)
        self.books.requeue_task(task.id)
        self.assertEqual(len(task.etag), 32)

    def test_gone(self) -> None:
        """An archived job's task is gone; a deleted job's task is still there."""
        archived, deleted = self.claimed_job(1), self.claimed_job(1)
        [gone], [there] = list(archived.tasks), list(deleted.tasks)
        self.books.archive_job(archived.id)
        self.books.delete_job(deleted.id)
        self.assertEqual(self.ask(gone, "").code, 404)
        self.assertEqual(self.ask(there, "").code, 200)
        self.assertEqual(self.depsgraph().code, 204)

    def test_counts(self) -> None:
        """Requests are counted by endpoint, answers by status as well."""
        [task] = self.claimed_job(1).tasks.values()
        self.ask(task.id, task.etag)
        self.ask(task.id, "another")
        self.assertEqual(self.record.requests, {"depsgraph": 1, "task": 2})
        self.assertEqual(self.record.answers, {("depsgraph", 200): 1, ("task", 304): 1, ("task", 200): 1})


class ChunkTests(StandInTestCase):
    def chunk(self, query: str = "") -> Answer:
        return self.request("GET", f"/flamenco/scheduler/tasks/{MANAGER}{query}")

    def setUp(self) -> None:
        super().setUp()
        self.server.early = True

    def test_protocol_of_its_time(self) -> None:
        """A Server has either chunks or a depsgraph, and an early one that is upgraded changes over."""
        self.books.add_job(sleep_job(1))
        self.assertEqual((self.chunk().code, self.depsgraph().code), (200, 404))
        self.assertEqual(self.request("GET", f"/api/flamenco/managers/{MANAGER}").code, 200)
        self.server.early = False
        self.assertEqual((self.chunk().code, self.depsgraph().code), (404, 200))

    def test_chunks(self) -> None:
        """A chunk is a list of queued tasks, the highest priority first, whatever their parents; they are claimed."""
        job = self.books.add_job(render_job(20))
        self.assertEqual(self.chunk().json[0]["name"], "rna-overrides")
        found = self.chunk("?chunk_size=10").json
        self.assertEqual([task["_id"] for task in found], list(job.tasks)[1:])
        self.assertEqual({task["status"] for task in found}, {"claimed-by-manager"})
        self.assertEqual(self.statuses(job), ["claimed-by-manager"] * 5)
        answer = self.chunk()
        self.assertEqual((answer.code, answer.json), (200, []))

    def test_requeued(self) -> None:
        """A requeued task is handed out again."""
        [task] = self.books.add_job(sleep_job(1)).tasks
        self.chunk()
        self.books.requeue_task(task)
        self.assertEqual([found["_id"] for found in self.chunk().json], [task])

    def test_job_type(self) -> None:
        """A chunk may be asked for of one type of job."""
        self.books.add_job(render_job(20))
        [task] = self.books.add_job(sleep_job(1)).tasks
        self.assertEqual([found["_id"] for found in self.chunk("?chunk_size=9&job_type=sleep").json], [task])

    def test_no_size(self) -> None:
        """A size that is no number gives 400."""
        self.assertEqual(self.chunk("?chunk_size=many").code, 400)

    def test_since_is_of_no_use(self) -> None:
        """The header of the depsgraph changes nothing here."""
        self.books.add_job(sleep_job(1))
        answer = self.request(
            "GET", f"/flamenco/scheduler/tasks/{MANAGER}", headers={SINCE: "2030-01-01T00:00:00+00:00"}
        )
        self.assertEqual(len(answer.json), 1)
