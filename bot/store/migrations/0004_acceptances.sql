-- When the check run with this evaluation was written, 0 before: what somebody can have seen.
ALTER TABLE evaluations ADD COLUMN published BIGINT NOT NULL DEFAULT 0;

-- The ledger: who accepted what growth, and what became of it. Rows stay when the evaluations go that they name.
CREATE TABLE acceptances (
    id           {{id}},
    repo         BIGINT NOT NULL,
    pull         BIGINT NOT NULL,
    head         TEXT NOT NULL,
    tree         TEXT NOT NULL,
    evaluation   TEXT NOT NULL,
    bucket       TEXT NOT NULL,
    growth       {{blob}} NOT NULL, -- JSON
    login        TEXT NOT NULL,
    login_id     BIGINT NOT NULL,
    reason       TEXT NOT NULL,
    button       BIGINT NOT NULL,
    given        BIGINT NOT NULL,
    withdrawn    BIGINT NOT NULL DEFAULT 0,
    withdrawn_by TEXT NOT NULL DEFAULT '',
    lapsed       BIGINT NOT NULL DEFAULT 0,
    lapsed_at    TEXT NOT NULL DEFAULT '',
    why          TEXT NOT NULL DEFAULT '',
    merge_commit TEXT NOT NULL DEFAULT '',
    merged       BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX acceptances_given ON acceptances (repo, pull, evaluation, bucket, login_id, given);

-- Pull requests whose comment is not to be updated.
CREATE TABLE paused (
    repo  BIGINT NOT NULL,
    pull  BIGINT NOT NULL,
    login TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (repo, pull)
);

-- What was said to us. Its commands run once: begun, then done with an outcome, then answered.
CREATE TABLE commands (
    repo     BIGINT NOT NULL,
    kind     TEXT NOT NULL,
    source   BIGINT NOT NULL,
    pull     BIGINT NOT NULL,
    login    TEXT NOT NULL,
    begun    BIGINT NOT NULL,
    done     BIGINT NOT NULL DEFAULT 0,
    answered BIGINT NOT NULL DEFAULT 0,
    outcome  {{blob}} NOT NULL,
    PRIMARY KEY (repo, kind, source)
);
CREATE INDEX commands_pull ON commands (repo, pull, begun);
CREATE INDEX commands_begun ON commands (begun);
