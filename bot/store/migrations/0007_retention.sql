-- How long a repository's evaluations are kept, in microseconds, where its file says so.
CREATE TABLE retention (
    repo        BIGINT PRIMARY KEY,
    evaluations BIGINT NOT NULL
);
