-- The test merges that GitHub has named for a pull request. It forgets them as soon as the base branch moves; we must not,
-- because a run may have built one of them.
CREATE TABLE test_merges (
    repo BIGINT NOT NULL,
    pull BIGINT NOT NULL,
    sha  TEXT NOT NULL,
    seen BIGINT NOT NULL,
    PRIMARY KEY (repo, pull, sha)
);
