-- linkspan:migration 0001 state
-- Why: all that Linkspan knows lives here: what directories hold, who is who, what is to be exported, configuration.
-- Twins: ../sqlite/0001_state.sql
-- linkspan:up

-- Conventions. Times are microseconds since 1970 UTC. What is compared, joined on or unique is bytes (bytea), so that no
-- collation or case rule changes a result. A number 0 means none; NULL stands only where an index leaves it out.
-- No foreign keys between the large tables: a batch writes whole, consistent sets by itself, and checking each row again
-- would double the cost of a bulk load.

-- Who this database is. One row; a copy keeps `identity`.
CREATE TABLE linkspan_database (
    id          bigint   PRIMARY KEY CHECK (id = 1),
    identity    text     NOT NULL,
    created_at  bigint   NOT NULL,
    created_by  text     NOT NULL,            -- version of the program
    moved_to    text     NOT NULL DEFAULT '', -- not empty: no longer in charge; URL of the one that is, without secrets
    moved_at    bigint   NOT NULL DEFAULT 0
);

-- The next id to give out, by table. Gaps are fine, giving one out twice is not.
CREATE TABLE sequence (
    name     text COLLATE "C" PRIMARY KEY,
    next_id  bigint   NOT NULL
);

-- Who writes. One row. `fence` grows with every holder, and a writer checks it in its own transaction.
CREATE TABLE lease (
    id          bigint   PRIMARY KEY CHECK (id = 1),
    holder      text     NOT NULL,   -- empty: nobody
    fence       bigint   NOT NULL,
    expires_at  bigint   NOT NULL,
    seen_at     bigint   NOT NULL
);

-- Services that are alive, and which of them starts cycles. Not part of the state: copies and moves leave it out.
CREATE TABLE server (
    name               text COLLATE "C" PRIMARY KEY,   -- as a holder of the lease
    leads              smallint NOT NULL,              -- 1: this one
    seen_at            bigint   NOT NULL,
    expires_at         bigint   NOT NULL,              -- taken for dead from then on
    stands_back_until  bigint   NOT NULL               -- does not lead before
);

-- Attribute and type names, interned: images and rows hold the number.
CREATE TABLE name (
    id    bigint   PRIMARY KEY,
    name  text COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE connector (
    id        bigint   PRIMARY KEY,
    name      text COLLATE "C" NOT NULL UNIQUE,
    kind      text     NOT NULL,
    settings  text     NOT NULL,   -- JSON object: name -> list of text
    position  bigint   NOT NULL    -- the lower one wins ties
);

CREATE TABLE connector_secret (
    connector_id  bigint   NOT NULL REFERENCES connector (id) ON DELETE CASCADE,
    name          text COLLATE "C" NOT NULL,
    sealed        bytea    NOT NULL,
    key_set       text     NOT NULL,   -- id of the key set that can open it; the keys are not in this database
    PRIMARY KEY (connector_id, name)
);

CREATE TABLE sync_rule (
    id          bigint   PRIMARY KEY,   -- stays with the name, so that lineage survives edits
    name        text COLLATE "C" NOT NULL UNIQUE,
    position    bigint   NOT NULL,
    definition  text     NOT NULL       -- one [[rule]] in TOML
);

CREATE TABLE setting (
    name   text COLLATE "C" PRIMARY KEY,
    value  text     NOT NULL
);

-- Where the next delta import goes on from. The bytes are the directory's own.
CREATE TABLE watermark (
    connector_id  bigint   PRIMARY KEY,
    position      bytea    NOT NULL
);

-- One object of a connected directory. Small, because nearly every step passes over all of them: the images are apart.
CREATE TABLE connector_object (
    id                  bigint   PRIMARY KEY,
    connector_id        bigint   NOT NULL,
    anchor              bytea,              -- NULL: placeholder by DN, or an add that is not exported yet
    dn                  text     NOT NULL,
    dn_key              bytea,              -- normalised DN, where the directory goes by it
    type                bigint   NOT NULL,  -- name
    state               smallint NOT NULL,  -- 0 placeholder, 1 disconnector, 2 explicit, 3 filtered, 4 joined
    metaverse_id        bigint,           -- set exactly when joined
    link_rule           bigint   NOT NULL,
    observed_hash       bytea,
    desired             smallint NOT NULL,  -- 0 none, 1 present, 2 absent
    pending             smallint NOT NULL,  -- 0 none, 1 add, 2 update, 3 rename, 4 remove
    pending_references  smallint NOT NULL,  -- 1: some connector_reference row of it is pending
    touched             smallint NOT NULL   -- work that waits: 1 inbound, 2 outbound, 4 references
);

-- Imports find objects by these.
CREATE UNIQUE INDEX connector_object_anchor ON connector_object (connector_id, anchor) WHERE anchor IS NOT NULL;
CREATE INDEX connector_object_dn_key ON connector_object (connector_id, dn_key) WHERE dn_key IS NOT NULL;
-- One connector's objects in order of id. Ids grow, so this one is appended to and costs little.
CREATE INDEX connector_object_connector ON connector_object (connector_id, id);
-- Who is joined to this identity, and in that connector.
CREATE INDEX connector_object_metaverse ON connector_object (metaverse_id, connector_id) WHERE metaverse_id IS NOT NULL;
-- The two work lists: small when there is little to do, whatever the size of the table.
CREATE INDEX connector_object_touched ON connector_object (id) WHERE touched <> 0;
CREATE INDEX connector_object_pending ON connector_object (connector_id, id) WHERE pending <> 0 OR pending_references <> 0;

-- What was observed, is desired, was sent, and came back rewritten. NULL: there is none.
CREATE TABLE connector_image (
    object_id  bigint   PRIMARY KEY,
    observed   bytea,
    desired    bytea,
    sent       bytea,
    shadow     bytea
);

-- By what an object can be joined.
CREATE TABLE connector_object_key (
    key           bytea    NOT NULL,
    attribute_id  bigint   NOT NULL,
    object_id     bigint   NOT NULL,
    PRIMARY KEY (key, attribute_id, object_id)
);

CREATE INDEX connector_object_key_object ON connector_object_key (object_id);

-- manager, member and the like: a row each, so that a group of a million costs what its changed members cost.
CREATE TABLE connector_reference (
    object_id     bigint   NOT NULL,
    attribute_id  bigint   NOT NULL,
    target_id     bigint   NOT NULL,
    bits          smallint NOT NULL,  -- 1 observed, 2 desired, 4 addition sent, 8 removal sent, 16 managed by rules
    pending       smallint NOT NULL,  -- 1: an export has to add or remove it; follows from bits
    PRIMARY KEY (object_id, attribute_id, target_id)
);

-- Who refers to this object.
CREATE INDEX connector_reference_target ON connector_reference (target_id, attribute_id, object_id);
CREATE INDEX connector_reference_pending ON connector_reference (object_id) WHERE pending <> 0;

-- One identity.
CREATE TABLE metaverse_object (
    id       bigint   PRIMARY KEY,
    type     bigint   NOT NULL,   -- name
    touched  smallint NOT NULL,   -- before the images, so that looking at it reads no overflow page
    image    bytea    NOT NULL,
    lineage  bytea    NOT NULL    -- where each attribute comes from
);

CREATE INDEX metaverse_object_touched ON metaverse_object (id) WHERE touched <> 0;

CREATE TABLE metaverse_key (
    key           bytea    NOT NULL,
    attribute_id  bigint   NOT NULL,
    metaverse_id  bigint   NOT NULL,
    PRIMARY KEY (key, attribute_id, metaverse_id)
);

CREATE INDEX metaverse_key_metaverse ON metaverse_key (metaverse_id);

-- What is wrong with one object, by the stage that found it.
CREATE TABLE object_error (
    object_id    bigint   NOT NULL,
    stage        text COLLATE "C" NOT NULL,
    error        text     NOT NULL,
    message      text     NOT NULL,
    first_at     bigint   NOT NULL,
    last_at      bigint   NOT NULL,
    count        bigint   NOT NULL,
    retry_at     bigint   NOT NULL,
    quarantined  smallint NOT NULL,
    PRIMARY KEY (object_id, stage)
);

-- How many there are of what, kept by every batch: counting a million rows for a status line would take a second.
CREATE TABLE counter (
    connector_id  bigint   NOT NULL,   -- 0: the metaverse
    kind          text COLLATE "C" NOT NULL,   -- objects, joined, add, update, rename, remove
    value         bigint   NOT NULL,
    PRIMARY KEY (connector_id, kind)
);

CREATE TABLE run (
    id          bigint   PRIMARY KEY,
    profile     text     NOT NULL,
    host        text     NOT NULL,
    result      text     NOT NULL,   -- empty while it runs
    started_at  bigint   NOT NULL,
    ended_at    bigint   NOT NULL
);

CREATE TABLE run_step (
    run_id      bigint   NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    position    bigint   NOT NULL,
    name        text     NOT NULL,
    result      text     NOT NULL,
    started_at  bigint   NOT NULL,
    ended_at    bigint   NOT NULL,
    message     text     NOT NULL,
    PRIMARY KEY (run_id, position)
);

CREATE TABLE run_counter (
    run_id         bigint   NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    step_position  bigint   NOT NULL,
    position       bigint   NOT NULL,
    name           text     NOT NULL,
    value          bigint   NOT NULL,
    PRIMARY KEY (run_id, step_position, position)
);

-- Views: joins under a name, so that the program can look rows up by key in them as in a table.

CREATE VIEW connector_object_full AS
    SELECT o.id, o.connector_id, o.anchor, o.dn, o.dn_key, o.type, o.state, o.metaverse_id, o.link_rule,
           o.observed_hash, o.desired, o.pending, o.pending_references, o.touched,
           i.observed AS observed_image, i.desired AS desired_image, i.sent AS sent_image, i.shadow AS shadow_image
    FROM connector_object o LEFT JOIN connector_image i ON i.object_id = o.id;

CREATE VIEW touched_object AS
    SELECT * FROM connector_object WHERE touched <> 0;

CREATE VIEW pending_object AS
    SELECT * FROM connector_object WHERE pending <> 0 OR pending_references <> 0;

CREATE VIEW touched_metaverse AS
    SELECT * FROM metaverse_object WHERE touched <> 0;

-- Disconnectors by join key; those out of the inbound rules' scope can still be adopted by outbound ones.
CREATE VIEW disconnector_key AS
    SELECT k.key, k.attribute_id, o.connector_id, o.id AS object_id
    FROM connector_object_key k JOIN connector_object o ON o.id = k.object_id
    WHERE o.state IN (1, 3);

CREATE VIEW metaverse_match AS
    SELECT k.key, k.attribute_id, k.metaverse_id, m.type
    FROM metaverse_key k JOIN metaverse_object m ON m.id = k.metaverse_id;

-- Objects that some reference leads to.
CREATE VIEW referenced_object AS
    SELECT o.id, o.connector_id
    FROM connector_object o
    WHERE EXISTS (SELECT 1 FROM connector_reference r WHERE r.target_id = o.id);

-- Where observed references lead.
CREATE VIEW observed_target AS
    SELECT r.object_id, r.attribute_id, r.target_id, t.metaverse_id
    FROM connector_reference r JOIN connector_object t ON t.id = r.target_id
    WHERE (r.bits & 1) <> 0;

CREATE VIEW pending_reference AS
    SELECT object_id, attribute_id, target_id, bits
    FROM connector_reference
    WHERE pending <> 0;
