-- linkspan:migration 0001 state
-- Why: all that Linkspan knows lives here: what directories hold, who is who, what is to be exported, configuration.
-- Twins: ../postgresql/0001_state.sql
-- linkspan:up

-- Conventions. Times are microseconds since 1970 UTC. What is compared, joined on or unique is bytes (BLOB), so that no
-- collation or case rule changes a result. A number 0 means none; NULL stands only where an index leaves it out.
-- No foreign keys between the large tables: a batch writes whole, consistent sets by itself, and checking each row again
-- would double the cost of a bulk load.

-- Who this database is. One row; a copy keeps `identity`.
CREATE TABLE linkspan_database (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    identity    TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    created_by  TEXT    NOT NULL,            -- version of the program
    moved_to    TEXT    NOT NULL DEFAULT '', -- not empty: no longer in charge; URL of the one that is, without secrets
    moved_at    INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The next id to give out, by table. Gaps are fine, giving one out twice is not.
CREATE TABLE sequence (
    name     TEXT    PRIMARY KEY,
    next_id  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who writes. One row. `fence` grows with every holder, and a writer checks it in its own transaction.
CREATE TABLE lease (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    holder      TEXT    NOT NULL,   -- empty: nobody
    fence       INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL
) STRICT;

-- Services that are alive, and which of them starts cycles. Not part of the state: copies and moves leave it out.
CREATE TABLE server (
    name               TEXT    PRIMARY KEY,   -- as a holder of the lease
    leads              INTEGER NOT NULL,      -- 1: this one
    seen_at            INTEGER NOT NULL,
    expires_at         INTEGER NOT NULL,      -- taken for dead from then on
    stands_back_until  INTEGER NOT NULL       -- does not lead before
) STRICT, WITHOUT ROWID;

-- Attribute and type names, interned: images and rows hold the number.
CREATE TABLE name (
    id    INTEGER PRIMARY KEY,
    name  TEXT    NOT NULL UNIQUE
) STRICT;

CREATE TABLE connector (
    id        INTEGER PRIMARY KEY,
    name      TEXT    NOT NULL UNIQUE,
    kind      TEXT    NOT NULL,
    settings  TEXT    NOT NULL,   -- JSON object: name -> list of text
    position  INTEGER NOT NULL    -- the lower one wins ties
) STRICT;

CREATE TABLE connector_secret (
    connector_id  INTEGER NOT NULL REFERENCES connector (id) ON DELETE CASCADE,
    name          TEXT    NOT NULL,
    sealed        BLOB    NOT NULL,
    key_set       TEXT    NOT NULL,   -- id of the key set that can open it; the keys are not in this database
    PRIMARY KEY (connector_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE sync_rule (
    id          INTEGER PRIMARY KEY,   -- stays with the name, so that lineage survives edits
    name        TEXT    NOT NULL UNIQUE,
    position    INTEGER NOT NULL,
    definition  TEXT    NOT NULL       -- one [[rule]] in TOML
) STRICT;

CREATE TABLE setting (
    name   TEXT PRIMARY KEY,
    value  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Where the next delta import goes on from. The bytes are the directory's own.
CREATE TABLE watermark (
    connector_id  INTEGER PRIMARY KEY,
    position      BLOB    NOT NULL
) STRICT;

-- One object of a connected directory. Small, because nearly every step passes over all of them: the images are apart.
CREATE TABLE connector_object (
    id                  INTEGER PRIMARY KEY,
    connector_id        INTEGER NOT NULL,
    anchor              BLOB,              -- NULL: placeholder by DN, or an add that is not exported yet
    dn                  TEXT    NOT NULL,
    dn_key              BLOB,              -- normalised DN, where the directory goes by it
    type                INTEGER NOT NULL,  -- name
    state               INTEGER NOT NULL,  -- 0 placeholder, 1 disconnector, 2 explicit, 3 filtered, 4 joined
    metaverse_id        INTEGER,           -- set exactly when joined
    link_rule           INTEGER NOT NULL,
    observed_hash       BLOB,
    desired             INTEGER NOT NULL,  -- 0 none, 1 present, 2 absent
    pending             INTEGER NOT NULL,  -- 0 none, 1 add, 2 update, 3 rename, 4 remove
    pending_references  INTEGER NOT NULL,  -- 1: some connector_reference row of it is pending
    touched             INTEGER NOT NULL   -- work that waits: 1 inbound, 2 outbound, 4 references
) STRICT;

-- Imports find objects by these.
CREATE UNIQUE INDEX connector_object_anchor ON connector_object (connector_id, anchor) WHERE anchor IS NOT NULL;
CREATE INDEX connector_object_dn_key ON connector_object (connector_id, dn_key) WHERE dn_key IS NOT NULL;
-- One connector's objects in order of id. Ids grow, so this one is appended to and costs little.
CREATE INDEX connector_object_connector ON connector_object (connector_id);  -- and the row id
-- Who is joined to this identity, and in that connector.
CREATE INDEX connector_object_metaverse ON connector_object (metaverse_id, connector_id) WHERE metaverse_id IS NOT NULL;
-- The two work lists: small when there is little to do, whatever the size of the table.
CREATE INDEX connector_object_touched ON connector_object (id) WHERE touched <> 0;
CREATE INDEX connector_object_pending ON connector_object (connector_id, id) WHERE pending <> 0 OR pending_references <> 0;

-- What was observed, is desired, was sent, and came back rewritten. NULL: there is none.
CREATE TABLE connector_image (
    object_id  INTEGER PRIMARY KEY,
    observed   BLOB,
    desired    BLOB,
    sent       BLOB,
    shadow     BLOB
) STRICT;

-- By what an object can be joined.
CREATE TABLE connector_object_key (
    key           BLOB    NOT NULL,
    attribute_id  INTEGER NOT NULL,
    object_id     INTEGER NOT NULL,
    PRIMARY KEY (key, attribute_id, object_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX connector_object_key_object ON connector_object_key (object_id);

-- manager, member and the like: a row each, so that a group of a million costs what its changed members cost.
CREATE TABLE connector_reference (
    object_id     INTEGER NOT NULL,
    attribute_id  INTEGER NOT NULL,
    target_id     INTEGER NOT NULL,
    bits          INTEGER NOT NULL,  -- 1 observed, 2 desired, 4 addition sent, 8 removal sent, 16 managed by rules
    pending       INTEGER NOT NULL,  -- 1: an export has to add or remove it; follows from bits
    PRIMARY KEY (object_id, attribute_id, target_id)
) STRICT, WITHOUT ROWID;

-- Who refers to this object.
CREATE INDEX connector_reference_target ON connector_reference (target_id, attribute_id, object_id);
CREATE INDEX connector_reference_pending ON connector_reference (object_id) WHERE pending <> 0;

-- One identity.
CREATE TABLE metaverse_object (
    id       INTEGER PRIMARY KEY,
    type     INTEGER NOT NULL,   -- name
    touched  INTEGER NOT NULL,   -- before the images, so that looking at it reads no overflow page
    image    BLOB    NOT NULL,
    lineage  BLOB    NOT NULL    -- where each attribute comes from
) STRICT;

CREATE INDEX metaverse_object_touched ON metaverse_object (id) WHERE touched <> 0;

CREATE TABLE metaverse_key (
    key           BLOB    NOT NULL,
    attribute_id  INTEGER NOT NULL,
    metaverse_id  INTEGER NOT NULL,
    PRIMARY KEY (key, attribute_id, metaverse_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX metaverse_key_metaverse ON metaverse_key (metaverse_id);

-- What is wrong with one object, by the stage that found it.
CREATE TABLE object_error (
    object_id    INTEGER NOT NULL,
    stage        TEXT    NOT NULL,
    error        TEXT    NOT NULL,
    message      TEXT    NOT NULL,
    first_at     INTEGER NOT NULL,
    last_at      INTEGER NOT NULL,
    count        INTEGER NOT NULL,
    retry_at     INTEGER NOT NULL,
    quarantined  INTEGER NOT NULL,
    PRIMARY KEY (object_id, stage)
) STRICT, WITHOUT ROWID;

-- How many there are of what, kept by every batch: counting a million rows for a status line would take a second.
CREATE TABLE counter (
    connector_id  INTEGER NOT NULL,   -- 0: the metaverse
    kind          TEXT    NOT NULL,   -- objects, joined, add, update, rename, remove
    value         INTEGER NOT NULL,
    PRIMARY KEY (connector_id, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
    id          INTEGER PRIMARY KEY,
    profile     TEXT    NOT NULL,
    host        TEXT    NOT NULL,
    result      TEXT    NOT NULL,   -- empty while it runs
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE run_step (
    run_id      INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    result      TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL,
    message     TEXT    NOT NULL,
    PRIMARY KEY (run_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_counter (
    run_id         INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    step_position  INTEGER NOT NULL,
    position       INTEGER NOT NULL,
    name           TEXT    NOT NULL,
    value          INTEGER NOT NULL,
    PRIMARY KEY (run_id, step_position, position)
) STRICT, WITHOUT ROWID;

-- Views: joins under a name, so that the program can look rows up by key in them as in a table. Here they also say which
-- index to use: SQLite would not choose a partial index by itself.

CREATE VIEW connector_object_full AS
    SELECT o.id, o.connector_id, o.anchor, o.dn, o.dn_key, o.type, o.state, o.metaverse_id, o.link_rule,
           o.observed_hash, o.desired, o.pending, o.pending_references, o.touched,
           i.observed AS observed_image, i.desired AS desired_image, i.sent AS sent_image, i.shadow AS shadow_image
    FROM connector_object o LEFT JOIN connector_image i ON i.object_id = o.id;

CREATE VIEW touched_object AS
    SELECT * FROM connector_object INDEXED BY connector_object_touched WHERE touched <> 0;

CREATE VIEW pending_object AS
    SELECT * FROM connector_object INDEXED BY connector_object_pending WHERE pending <> 0 OR pending_references <> 0;

CREATE VIEW touched_metaverse AS
    SELECT * FROM metaverse_object INDEXED BY metaverse_object_touched WHERE touched <> 0;

-- Disconnectors by join key; those out of the inbound rules' scope can still be adopted by outbound ones.
CREATE VIEW disconnector_key AS
    SELECT k.key, k.attribute_id, o.connector_id, o.id AS object_id
    FROM connector_object_key k CROSS JOIN connector_object o ON o.id = k.object_id
    WHERE o.state IN (1, 3);

CREATE VIEW metaverse_match AS
    SELECT k.key, k.attribute_id, k.metaverse_id, m.type
    FROM metaverse_key k CROSS JOIN metaverse_object m ON m.id = k.metaverse_id;

-- Objects that some reference leads to.
CREATE VIEW referenced_object AS
    SELECT o.id, o.connector_id
    FROM connector_object o
    WHERE EXISTS (SELECT 1 FROM connector_reference r WHERE r.target_id = o.id);

-- Where observed references lead.
CREATE VIEW observed_target AS
    SELECT r.object_id, r.attribute_id, r.target_id, t.metaverse_id
    FROM connector_reference r CROSS JOIN connector_object t ON t.id = r.target_id
    WHERE (r.bits & 1) <> 0;

CREATE VIEW pending_reference AS
    SELECT object_id, attribute_id, target_id, bits
    FROM connector_reference INDEXED BY connector_reference_pending
    WHERE pending <> 0;
