-- What this installation of the App signs with. It is made once, and is the same for every replica.
CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value {{blob}} NOT NULL
);
