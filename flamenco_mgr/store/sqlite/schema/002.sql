-- Version 2: what workers do by schedule, the blacklist, the history, and counts.

ALTER TABLE workers ADD COLUMN sleep_schedule TEXT NOT NULL DEFAULT '';
ALTER TABLE workers ADD COLUMN failed_jobs TEXT NOT NULL DEFAULT '';
ALTER TABLE workers ADD COLUMN sick TEXT NOT NULL DEFAULT '';

CREATE TABLE blacklist (
    worker_id TEXT NOT NULL,
    job TEXT NOT NULL,
    task_type TEXT NOT NULL,
    created REAL NOT NULL,
    PRIMARY KEY (worker_id, job, task_type)
) WITHOUT ROWID;

CREATE INDEX blacklist_by_age ON blacklist (created, worker_id, job, task_type);

-- With the job, so that a worker passes over the lanes that it is banned from without looking at their rows.
DROP INDEX lanes_in_order;
CREATE INDEX lanes_in_order ON lanes (task_type, job_priority DESC, priority DESC, head, failed_by, job);

-- What has happened; places are never used twice.
CREATE TABLE events (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    task TEXT,
    job TEXT,
    worker TEXT,
    text TEXT NOT NULL
);

CREATE INDEX events_of_task ON events (task, place) WHERE task IS NOT NULL;
CREATE INDEX events_of_job ON events (job, place) WHERE job IS NOT NULL;
CREATE INDEX events_of_worker ON events (worker, place) WHERE worker IS NOT NULL;
CREATE INDEX events_of_kind ON events (kind, place) WHERE kind <> 'task';  -- most are of tasks

-- How many tasks there are. A row may be zero, until its job is gone.
CREATE TABLE counts (
    job TEXT NOT NULL,
    status TEXT NOT NULL,
    task_type TEXT NOT NULL,
    tasks INTEGER NOT NULL,
    PRIMARY KEY (job, status, task_type)
) WITHOUT ROWID;

-- The same of all jobs together.
CREATE TABLE totals (
    status TEXT PRIMARY KEY,
    tasks INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TRIGGER counts_added AFTER INSERT ON counts BEGIN
    INSERT INTO totals VALUES (new.status, new.tasks) ON CONFLICT DO UPDATE SET tasks = tasks + excluded.tasks;
END;

CREATE TRIGGER counts_changed AFTER UPDATE OF tasks ON counts BEGIN
    UPDATE totals SET tasks = tasks + new.tasks - old.tasks WHERE status = new.status;
END;

CREATE TRIGGER counts_removed AFTER DELETE ON counts BEGIN
    UPDATE totals SET tasks = tasks - old.tasks WHERE status = old.status;
END;

INSERT INTO counts SELECT job, status, task_type, count(*) FROM tasks GROUP BY job, status, task_type;

-- Who failed at which tasks, as their column failed_by has it.
CREATE TABLE failures (
    worker_id TEXT NOT NULL,
    job TEXT NOT NULL,
    task_type TEXT NOT NULL,
    task TEXT NOT NULL,
    PRIMARY KEY (worker_id, job, task_type, task)
) WITHOUT ROWID;

CREATE INDEX tasks_waiting ON tasks (job, task_type, id)
    WHERE status IN ('claimed-by-manager', 'queued', 'soft-failed');
CREATE INDEX tasks_failed_before ON tasks (job, task_type, failed_by)
    WHERE failed_by <> '' AND status IN ('claimed-by-manager', 'queued', 'soft-failed');
CREATE INDEX tasks_of_job ON tasks (job, status, id);
CREATE INDEX tasks_touched_by ON tasks (worker_id, id) WHERE worker_id IS NOT NULL;
CREATE INDEX tasks_by_name ON tasks (name COLLATE NOCASE, id);
CREATE INDEX tasks_over ON tasks (coalesce(last_updated, -1), id) WHERE status IN ('canceled', 'completed', 'failed');
CREATE INDEX tasks_active ON tasks (id) WHERE status = 'active';

INSERT OR IGNORE INTO failures
SELECT json_extract(failed.value, '$[0]'), tasks.job, tasks.task_type, tasks.id
FROM tasks, json_each(tasks.failed_by) AS failed WHERE tasks.failed_by <> '';

CREATE INDEX parked_updates_by_id ON parked_updates (id);
