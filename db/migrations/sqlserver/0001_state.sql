-- linkspan:migration 0001 state
-- Why: all that Linkspan knows lives here: what directories hold, who is who, what is to be exported, configuration.
-- Twins: ../sqlite/0001_state.sql, ../postgresql/0001_state.sql
-- linkspan:differs connector_object_pending connector_object_pending_references pending_object
-- linkspan:up

-- Conventions. Times are microseconds since 1970 UTC. What is compared, joined on or unique is bytes (varbinary), or
-- text compared by its code units (BIN2), so that no collation or case rule of the database changes a result. SQL Server
-- takes N'a' and N'a ', and 0x01 and 0x0100, for the same: beside what is unique stands its length, and the two together
-- are unique. A number 0 means none; NULL stands only where an index leaves it out. No foreign keys between the large
-- tables: a batch writes whole, consistent sets by itself, and checking each row again would double the cost of a bulk
-- load. Keys have the lengths that SQL Server's indexes take (900 bytes in a primary key, 1700 in another).
-- Run it with sqlcmd or the like: lines that say GO part the batches.

-- Who this database is. One row; a copy keeps `identity`.
CREATE TABLE linkspan_database (
    id          bigint PRIMARY KEY CHECK (id = 1),
    "identity"  nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,
    created_at  bigint NOT NULL,
    created_by  nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,   -- version of the program
    -- not empty: no longer in charge; URL of the one that is, without secrets
    moved_to    nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL DEFAULT N'',
    moved_at    bigint NOT NULL DEFAULT 0
);

-- The next id to give out, by table. Gaps are fine, giving one out twice is not.
CREATE TABLE sequence (
    name         nvarchar(400) COLLATE Latin1_General_100_BIN2 NOT NULL,
    name_length  AS CAST(DATALENGTH(name) AS int) PERSISTED NOT NULL,
    next_id      bigint NOT NULL,
    PRIMARY KEY (name, name_length)
);

-- Who is in charge. One row. `fence` grows with every holder, and a writer checks it in its own transaction.
CREATE TABLE lease (
    id          bigint PRIMARY KEY CHECK (id = 1),
    holder      nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,   -- empty: nobody
    fence       bigint NOT NULL,
    expires_at  bigint NOT NULL,
    seen_at     bigint NOT NULL
);

-- Services that are alive, and which of them starts cycles. Not part of the state: copies and moves leave it out.
CREATE TABLE server (
    name               nvarchar(400) COLLATE Latin1_General_100_BIN2 NOT NULL,   -- as a holder of the lease
    name_length        AS CAST(DATALENGTH(name) AS int) PERSISTED NOT NULL,
    leads              smallint NOT NULL,              -- 1: this one
    seen_at            bigint   NOT NULL,
    expires_at         bigint   NOT NULL,              -- taken for dead from then on
    stands_back_until  bigint   NOT NULL,              -- does not lead before
    PRIMARY KEY (name, name_length)
);

-- Attribute and type names, interned: images and rows hold the number.
CREATE TABLE name (
    id           bigint PRIMARY KEY,
    name         nvarchar(800) COLLATE Latin1_General_100_BIN2 NOT NULL,
    name_length  AS CAST(DATALENGTH(name) AS int) PERSISTED NOT NULL,
    UNIQUE (name, name_length)
);

CREATE TABLE connector (
    id           bigint PRIMARY KEY,
    name         nvarchar(800) COLLATE Latin1_General_100_BIN2 NOT NULL,
    name_length  AS CAST(DATALENGTH(name) AS int) PERSISTED NOT NULL,
    kind         nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,
    settings     nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,   -- JSON object: name -> list of text
    position     bigint NOT NULL,   -- the lower one wins ties
    UNIQUE (name, name_length)
);

CREATE TABLE connector_secret (
    connector_id  bigint NOT NULL REFERENCES connector (id) ON DELETE CASCADE,
    name          nvarchar(400) COLLATE Latin1_General_100_BIN2 NOT NULL,
    name_length   AS CAST(DATALENGTH(name) AS int) PERSISTED NOT NULL,
    sealed        varbinary(max) NOT NULL,
    -- id of the key set that can open it; the keys are not in this database
    key_set       nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,
    PRIMARY KEY (connector_id, name, name_length)
);

CREATE TABLE sync_rule (
    id           bigint PRIMARY KEY,   -- stays with the name, so that lineage survives edits
    name         nvarchar(800) COLLATE Latin1_General_100_BIN2 NOT NULL,
    name_length  AS CAST(DATALENGTH(name) AS int) PERSISTED NOT NULL,
    position     bigint NOT NULL,
    definition   nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,   -- one [[rule]] in TOML
    UNIQUE (name, name_length)
);

CREATE TABLE setting (
    name         nvarchar(400) COLLATE Latin1_General_100_BIN2 NOT NULL,
    name_length  AS CAST(DATALENGTH(name) AS int) PERSISTED NOT NULL,
    value        nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,
    PRIMARY KEY (name, name_length)
);

-- Where the next delta import goes on from. The bytes are the directory's own.
CREATE TABLE watermark (
    connector_id  bigint PRIMARY KEY,
    position      varbinary(max) NOT NULL
);

-- One object of a connected directory. Small, because nearly every step passes over all of them: the images are apart.
CREATE TABLE connector_object (
    id                  bigint PRIMARY KEY,
    connector_id        bigint NOT NULL,
    anchor              varbinary(1650),   -- NULL: placeholder by DN, or an add that is not exported yet
    anchor_length       AS CAST(DATALENGTH(anchor) AS int) PERSISTED,
    dn                  nvarchar(4000) COLLATE Latin1_General_100_BIN2 NOT NULL,
    dn_key              varbinary(1650),   -- normalised DN, where the directory goes by it
    type                bigint NOT NULL,   -- name
    state               smallint NOT NULL,   -- 0 placeholder, 1 disconnector, 2 explicit, 3 filtered, 4 joined
    metaverse_id        bigint,   -- set exactly when joined
    link_rule           bigint NOT NULL,
    observed_hash       varbinary(900),
    desired             smallint NOT NULL,   -- 0 none, 1 present, 2 absent
    pending             smallint NOT NULL,   -- 0 none, 1 add, 2 update, 3 rename, 4 remove
    pending_references  smallint NOT NULL,   -- 1: some connector_reference row of it is pending
    touched             smallint NOT NULL   -- work that waits: 1 inbound, 2 outbound, 4 references
);

-- Imports find objects by these.
CREATE UNIQUE INDEX connector_object_anchor ON connector_object (connector_id, anchor, anchor_length)
    WHERE anchor IS NOT NULL;
CREATE INDEX connector_object_dn_key ON connector_object (connector_id, dn_key) WHERE dn_key IS NOT NULL;
-- One connector's objects in order of id. Ids grow, so this one is appended to and costs little.
CREATE INDEX connector_object_connector ON connector_object (connector_id, id);
-- Who is joined to this identity, and in that connector.
CREATE INDEX connector_object_metaverse ON connector_object (metaverse_id, connector_id) WHERE metaverse_id IS NOT NULL;
-- The two work lists: small when there is little to do, whatever the size of the table.
CREATE INDEX connector_object_touched ON connector_object (id) WHERE touched <> 0;
CREATE INDEX connector_object_pending ON connector_object (connector_id, id) WHERE pending <> 0;
CREATE INDEX connector_object_pending_references ON connector_object (connector_id, id) WHERE pending_references <> 0;

-- What was observed, is desired, was sent, and came back rewritten. NULL: there is none.
CREATE TABLE connector_image (
    object_id  bigint PRIMARY KEY,
    observed   varbinary(max),
    desired    varbinary(max),
    sent       varbinary(max),
    shadow     varbinary(max)
);

-- By what an object can be joined.
CREATE TABLE connector_object_key (
    "key"         varbinary(400) NOT NULL,
    key_length    AS CAST(DATALENGTH("key") AS int) PERSISTED NOT NULL,
    attribute_id  bigint NOT NULL,
    object_id     bigint NOT NULL,
    PRIMARY KEY ("key", key_length, attribute_id, object_id)
);

CREATE INDEX connector_object_key_object ON connector_object_key (object_id);

-- manager, member and the like: a row each, so that a group of a million costs what its changed members cost.
CREATE TABLE connector_reference (
    object_id     bigint NOT NULL,
    attribute_id  bigint NOT NULL,
    target_id     bigint NOT NULL,
    bits          smallint NOT NULL,   -- 1 observed, 2 desired, 4 addition sent, 8 removal sent, 16 managed by rules
    pending       smallint NOT NULL,   -- 1: an export has to add or remove it; follows from bits
    PRIMARY KEY (object_id, attribute_id, target_id)
);

-- Who refers to this object.
CREATE INDEX connector_reference_target ON connector_reference (target_id, attribute_id, object_id);
CREATE INDEX connector_reference_pending ON connector_reference (object_id) WHERE pending <> 0;

-- One identity.
CREATE TABLE metaverse_object (
    id       bigint PRIMARY KEY,
    type     bigint NOT NULL,   -- name
    touched  smallint NOT NULL,   -- before the images, so that looking at it reads no overflow page
    image    varbinary(max) NOT NULL,
    lineage  varbinary(max) NOT NULL   -- where each attribute comes from
);

CREATE INDEX metaverse_object_touched ON metaverse_object (id) WHERE touched <> 0;

CREATE TABLE metaverse_key (
    "key"         varbinary(400) NOT NULL,
    key_length    AS CAST(DATALENGTH("key") AS int) PERSISTED NOT NULL,
    attribute_id  bigint NOT NULL,
    metaverse_id  bigint NOT NULL,
    PRIMARY KEY ("key", key_length, attribute_id, metaverse_id)
);

CREATE INDEX metaverse_key_metaverse ON metaverse_key (metaverse_id);

-- What is wrong with one object, by the stage that found it.
CREATE TABLE object_error (
    object_id     bigint NOT NULL,
    stage         nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL,
    stage_length  AS CAST(DATALENGTH(stage) AS int) PERSISTED NOT NULL,
    error         nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,
    message       nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,
    first_at      bigint NOT NULL,
    last_at       bigint NOT NULL,
    count         bigint NOT NULL,
    retry_at      bigint NOT NULL,
    quarantined   smallint NOT NULL,
    PRIMARY KEY (object_id, stage, stage_length)
);

-- How many there are of what, kept by every batch: counting a million rows for a status line would take a second.
CREATE TABLE counter (
    connector_id  bigint NOT NULL,   -- 0: the metaverse
    -- objects, joined, add, update, rename, remove
    kind          nvarchar(100) COLLATE Latin1_General_100_BIN2 NOT NULL,
    kind_length   AS CAST(DATALENGTH(kind) AS int) PERSISTED NOT NULL,
    value         bigint NOT NULL,
    PRIMARY KEY (connector_id, kind, kind_length)
);

CREATE TABLE run (
    id          bigint PRIMARY KEY,
    profile     nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,
    host        nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,
    result      nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,   -- empty while it runs
    started_at  bigint NOT NULL,
    ended_at    bigint NOT NULL
);

CREATE TABLE run_step (
    run_id      bigint NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    position    bigint NOT NULL,
    name        nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,
    result      nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,
    started_at  bigint NOT NULL,
    ended_at    bigint NOT NULL,
    message     nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,
    PRIMARY KEY (run_id, position)
);

CREATE TABLE run_counter (
    run_id         bigint NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    step_position  bigint NOT NULL,
    position       bigint NOT NULL,
    name           nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL,
    value          bigint NOT NULL,
    PRIMARY KEY (run_id, step_position, position)
);

-- Views: joins under a name, so that the program can look rows up by key in them as in a table. Each is a batch
-- of its own, as T-SQL wants it.

GO
CREATE VIEW connector_object_full AS
    SELECT o.id, o.connector_id, o.anchor, o.dn, o.dn_key, o.type, o.state, o.metaverse_id, o.link_rule,
           o.observed_hash, o.desired, o.pending, o.pending_references, o.touched,
           i.observed AS observed_image, i.desired AS desired_image, i.sent AS sent_image, i.shadow AS shadow_image
    FROM connector_object o LEFT JOIN connector_image i ON i.object_id = o.id;

GO
CREATE VIEW touched_object AS
    SELECT * FROM connector_object WHERE touched <> 0;

GO
CREATE VIEW pending_object AS
    SELECT * FROM connector_object WHERE pending <> 0
    UNION ALL
    SELECT * FROM connector_object WHERE pending = 0 AND pending_references <> 0;

GO
CREATE VIEW touched_metaverse AS
    SELECT * FROM metaverse_object WHERE touched <> 0;

GO
-- Disconnectors by join key; those out of the inbound rules' scope can still be adopted by outbound ones.
CREATE VIEW disconnector_key AS
    SELECT k."key", k.attribute_id, o.connector_id, o.id AS object_id
    FROM connector_object_key k JOIN connector_object o ON o.id = k.object_id
    WHERE o.state IN (1, 3);

GO
CREATE VIEW metaverse_match AS
    SELECT k."key", k.attribute_id, k.metaverse_id, m.type
    FROM metaverse_key k JOIN metaverse_object m ON m.id = k.metaverse_id;

GO
-- Objects that some reference leads to.
CREATE VIEW referenced_object AS
    SELECT o.id, o.connector_id
    FROM connector_object o
    WHERE EXISTS (SELECT 1 FROM connector_reference r WHERE r.target_id = o.id);

GO
-- Where observed references lead.
CREATE VIEW observed_target AS
    SELECT r.object_id, r.attribute_id, r.target_id, t.metaverse_id
    FROM connector_reference r JOIN connector_object t ON t.id = r.target_id
    WHERE (r.bits & 1) <> 0;

GO
CREATE VIEW pending_reference AS
    SELECT object_id, attribute_id, target_id, bits
    FROM connector_reference
    WHERE pending <> 0;
