-- Version 1 of the embedded store. Times are seconds since 1970, UTC. Lists and maps are JSON, '' when empty.

PRAGMA application_id = 0x466C4D67;  -- "FlMg"

-- What a task is, without its commands. open_parents: how many of its parents are here and not completed, or set
-- aside. held: it was just downloaded, its parents may be on the way. lane: the lane it waits in, NULL unless it may
-- run. acked: the Server's latest receipt for one of its updates.
CREATE TABLE tasks (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    open_parents INTEGER NOT NULL,
    held INTEGER NOT NULL,
    lane INTEGER,
    acked INTEGER NOT NULL,
    status TEXT NOT NULL,
    job TEXT NOT NULL,
    name TEXT NOT NULL,
    priority INTEGER NOT NULL,
    job_priority INTEGER NOT NULL,
    job_type TEXT NOT NULL,
    task_type TEXT NOT NULL,
    etag TEXT NOT NULL,
    manager TEXT NOT NULL,
    project TEXT NOT NULL,
    user TEXT NOT NULL,
    worker TEXT NOT NULL,
    worker_id TEXT,
    progress TEXT NOT NULL,
    last_worker_ping REAL,
    last_updated REAL,
    cancel_requested_at REAL,
    timing TEXT NOT NULL,
    failed_by TEXT NOT NULL,
    activity TEXT NOT NULL,
    log TEXT NOT NULL,
    parents TEXT NOT NULL
);

CREATE INDEX tasks_in_lane ON tasks (lane, id) WHERE lane IS NOT NULL;
CREATE INDEX tasks_of_worker ON tasks (worker_id, id) WHERE status IN ('active', 'cancel-requested');
CREATE INDEX tasks_held ON tasks (number) WHERE held;
CREATE INDEX tasks_to_cancel ON tasks (cancel_requested_at, id) WHERE status = 'cancel-requested';

CREATE TABLE commands (
    task INTEGER PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
    json TEXT NOT NULL
);

-- The parents of each task, known here or not.
CREATE TABLE parents (
    task INTEGER NOT NULL REFERENCES tasks ON DELETE CASCADE,
    parent TEXT NOT NULL,
    PRIMARY KEY (task, parent)
) WITHOUT ROWID;

CREATE INDEX parents_children ON parents (parent, task);

-- A lane is the tasks that may run and that every worker sees alike. failed_by: the ids of the workers that failed at
-- them, each between line ends. head: the least id in the lane, so that the best task is found without looking at tasks.
CREATE TABLE lanes (
    lane INTEGER PRIMARY KEY,
    task_type TEXT NOT NULL,
    job_priority INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    job TEXT NOT NULL,
    failed_by TEXT NOT NULL,
    head TEXT NOT NULL,
    UNIQUE (task_type, job_priority, priority, job, failed_by)
);

CREATE INDEX lanes_in_order ON lanes (task_type, job_priority DESC, priority DESC, head, failed_by);

-- What the Server has yet to hear, in the order of seq, which is never used twice. failed_by NULL: it did not change.
CREATE TABLE updates (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    version INTEGER NOT NULL,
    unhandled INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    task_id TEXT NOT NULL,
    received_at REAL NOT NULL,
    status TEXT,
    activity TEXT NOT NULL,
    log_tail TEXT NOT NULL,
    worker TEXT NOT NULL,
    failed_by TEXT,
    timing TEXT NOT NULL,
    progress TEXT NOT NULL
);

CREATE INDEX updates_of_task ON updates (task_id, seq);

-- Updates that the Server refuses, under their number in the queue.
CREATE TABLE parked_updates (
    seq INTEGER PRIMARY KEY,
    reason TEXT NOT NULL,
    since REAL NOT NULL,
    id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    received_at REAL NOT NULL,
    status TEXT,
    activity TEXT NOT NULL,
    log_tail TEXT NOT NULL,
    worker TEXT NOT NULL,
    failed_by TEXT,
    timing TEXT NOT NULL,
    progress TEXT NOT NULL
);

-- Tasks of the Server's that could not be understood.
CREATE TABLE set_aside (
    task_id TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    document TEXT NOT NULL,
    since REAL NOT NULL
);

CREATE INDEX set_aside_since ON set_aside (since, task_id);

CREATE TABLE workers (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    revision INTEGER NOT NULL,
    hashed_secret BLOB NOT NULL,
    nickname TEXT NOT NULL,
    address TEXT NOT NULL,
    platform TEXT NOT NULL,
    software TEXT NOT NULL,
    supported_task_types TEXT NOT NULL,
    status TEXT NOT NULL,
    status_requested TEXT,
    lazy_status_request INTEGER NOT NULL,
    last_activity REAL,
    current_task TEXT,
    current_task_status TEXT NOT NULL,
    current_task_updated REAL
);

-- Single facts: the mark of the last download, the number of the latest receipt.
CREATE TABLE state (
    key TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;
