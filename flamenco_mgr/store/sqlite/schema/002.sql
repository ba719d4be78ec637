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

CREATE INDEX blacklist_by_age ON blacklist (created);

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

-- How many tasks there are; rows of zero are removed.
CREATE TABLE counts (
    job TEXT NOT NULL,
    status TEXT NOT NULL,
    task_type TEXT NOT NULL,
    tasks INTEGER NOT NULL,
    PRIMARY KEY (job, status, task_type)
) WITHOUT ROWID;

INSERT INTO counts SELECT job, status, task_type, count(*) FROM tasks GROUP BY job, status, task_type;

-- Who failed at which tasks, as their column failed_by has it.
CREATE TABLE failures (
    worker_id TEXT NOT NULL,
    job TEXT NOT NULL,
    task_type TEXT NOT NULL,
    task TEXT NOT NULL,
    PRIMARY KEY (worker_id, job, task_type, task)
) WITHOUT ROWID;

CREATE INDEX tasks_of_job ON tasks (job, status, id);
CREATE INDEX tasks_touched_by ON tasks (worker_id, id) WHERE worker_id IS NOT NULL;
CREATE INDEX tasks_by_name ON tasks (name COLLATE NOCASE, id);
CREATE INDEX tasks_over ON tasks (last_updated, id) WHERE status IN ('completed', 'failed', 'canceled');

INSERT OR IGNORE INTO failures
SELECT json_extract(failed.value, '$[0]'), tasks.job, tasks.task_type, tasks.id
FROM tasks, json_each(tasks.failed_by) AS failed WHERE tasks.failed_by <> '';
