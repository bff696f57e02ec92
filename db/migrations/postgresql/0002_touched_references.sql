-- linkspan:migration 0002 touched_references
-- Why: one changed member of a large group costs one row, not a look at all its members.
-- Twins: ../sqlite/0002_touched_references.sql
-- linkspan:up

-- References that came, went, or lead elsewhere now, and of which the synchronization has not drawn the consequences.
CREATE TABLE touched_reference (
    object_id     bigint NOT NULL,
    attribute_id  bigint NOT NULL,
    target_id     bigint NOT NULL,
    PRIMARY KEY (object_id, attribute_id, target_id)
);
