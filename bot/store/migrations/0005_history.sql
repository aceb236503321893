-- What a branch's builds amounted to over time. A measurement from before has no branch, and belongs to no history.
ALTER TABLE measurements ADD COLUMN branch TEXT NOT NULL DEFAULT ''; -- that the run was for, '' when it was not trusted
ALTER TABLE measurements ADD COLUMN built BIGINT NOT NULL DEFAULT 0; -- when the run was created, whenever it was measured
CREATE INDEX measurements_branch ON measurements (repo, branch, target, built);

-- The bytes of a measurement by bucket. They follow from the measurement and a set of rules, and are kept to be at hand.
CREATE TABLE sizes (
    repo        BIGINT NOT NULL,
    measurement BIGINT NOT NULL,
    rules       TEXT NOT NULL, -- digest
    record      {{blob}} NOT NULL,
    PRIMARY KEY (measurement, rules)
);
CREATE INDEX sizes_repo ON sizes (repo);
