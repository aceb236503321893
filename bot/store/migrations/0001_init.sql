-- Everything is keyed by the repository's id: owners and names change. Times are microseconds since 1970, UTC.
-- {{blob}} and {{id}} are the database's words for bytes and for a number that it gives out itself.

CREATE TABLE deliveries (
    guid         TEXT PRIMARY KEY,
    event        TEXT NOT NULL,
    action       TEXT NOT NULL,
    installation BIGINT NOT NULL,
    repo         BIGINT NOT NULL,
    payload      {{blob}} NOT NULL, -- zstd
    received     BIGINT NOT NULL
);
CREATE INDEX deliveries_received ON deliveries (received);

-- The newest job of a key, waiting or not. A hint merges into it while it waits.
CREATE TABLE job_keys (
    key     TEXT PRIMARY KEY,
    job     BIGINT NOT NULL,
    updated BIGINT NOT NULL
);

CREATE TABLE leases (
    key     TEXT PRIMARY KEY,
    owner   TEXT NOT NULL,
    expires BIGINT NOT NULL
);

CREATE TABLE installations (
    id        BIGINT PRIMARY KEY,
    account   TEXT NOT NULL,
    suspended BIGINT NOT NULL
);

CREATE TABLE repos (
    id             BIGINT PRIMARY KEY,
    installation   BIGINT NOT NULL,
    owner          TEXT NOT NULL,
    name           TEXT NOT NULL,
    default_branch TEXT NOT NULL,
    private        BIGINT NOT NULL,
    archived       BIGINT NOT NULL,
    updated        BIGINT NOT NULL
);
CREATE INDEX repos_installation ON repos (installation);

-- The head that is wanted now. seq grows with every change: what was made for an older one may not be written.
CREATE TABLE pulls (
    repo    BIGINT NOT NULL,
    pull    BIGINT NOT NULL,
    head    TEXT NOT NULL,
    seq     BIGINT NOT NULL,
    closed  BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    PRIMARY KEY (repo, pull)
);

CREATE TABLE measurements (
    id        {{id}},
    repo      BIGINT NOT NULL,
    target    TEXT NOT NULL,
    sha       TEXT NOT NULL,
    run       BIGINT NOT NULL,
    run_event TEXT NOT NULL,
    artifact  BIGINT NOT NULL,
    digest    TEXT NOT NULL,
    trusted   BIGINT NOT NULL,
    problem   TEXT NOT NULL,
    blob      {{blob}} NOT NULL,
    created   BIGINT NOT NULL
);
CREATE UNIQUE INDEX measurements_artifact ON measurements (repo, artifact, target);
CREATE INDEX measurements_sha ON measurements (repo, target, sha);
CREATE INDEX measurements_created ON measurements (created);

CREATE TABLE evaluations (
    id      TEXT PRIMARY KEY,
    repo    BIGINT NOT NULL,
    pull    BIGINT NOT NULL,
    head    TEXT NOT NULL,
    base    TEXT NOT NULL,
    merge   TEXT NOT NULL,
    state   TEXT NOT NULL,
    record  {{blob}} NOT NULL, -- gzip
    created BIGINT NOT NULL
);
CREATE INDEX evaluations_pull ON evaluations (repo, pull, id);
CREATE INDEX evaluations_created ON evaluations (created);

-- What we have on GitHub: its id there, and what it says.
CREATE TABLE outputs (
    repo      BIGINT NOT NULL,
    pull      BIGINT NOT NULL,
    kind      TEXT NOT NULL,
    head      TEXT NOT NULL,
    github_id BIGINT NOT NULL,
    body      TEXT NOT NULL, -- SHA-256
    updated   BIGINT NOT NULL,
    PRIMARY KEY (repo, pull, kind, head)
);
CREATE INDEX outputs_updated ON outputs (updated);
