-- Since when the head of a pull request is what it is, as far as we saw it.
ALTER TABLE pulls ADD COLUMN since BIGINT NOT NULL DEFAULT 0;
