SELECT "id", "identity", "created_at", "created_by", '' AS "moved_to", 0 AS "moved_at" FROM "linkspan_database";

SELECT "id", "identity", "created_at", "created_by", '' AS "moved_to", 0 AS "moved_at" FROM "linkspan_database" ORDER BY "id";

SELECT "name", "next_id" FROM "sequence";

SELECT "name", "next_id" FROM "sequence" ORDER BY "name", "name_length";

SELECT "id", '' AS "holder", 0 AS "fence", 0 AS "expires_at", 0 AS "seen_at" FROM "lease";

SELECT "id", '' AS "holder", 0 AS "fence", 0 AS "expires_at", 0 AS "seen_at" FROM "lease" ORDER BY "id";

SELECT "id", "name" FROM "name";

SELECT "id", "name" FROM "name" ORDER BY "id";

SELECT "id", "name", "kind", "settings", "position" FROM "connector";

SELECT "id", "name", "kind", "settings", "position" FROM "connector" ORDER BY "id";

SELECT "connector_id", "name", "sealed", "key_set" FROM "connector_secret";

SELECT "connector_id", "name", "sealed", "key_set" FROM "connector_secret" ORDER BY "connector_id", "name", "name_length";

SELECT "id", "name", "position", "definition" FROM "sync_rule";

SELECT "id", "name", "position", "definition" FROM "sync_rule" ORDER BY "id";

SELECT "name", "value" FROM "setting";

SELECT "name", "value" FROM "setting" ORDER BY "name", "name_length";

SELECT "connector_id", "position" FROM "watermark";

SELECT "connector_id", "position" FROM "watermark" ORDER BY "connector_id";

SELECT "id", "connector_id", "anchor", "dn", "dn_key", "type", "state", "metaverse_id", "link_rule", "observed_hash", "desired", "pending", "pending_references", "touched" FROM "connector_object";

SELECT "id", "connector_id", "anchor", "dn", "dn_key", "type", "state", "metaverse_id", "link_rule", "observed_hash", "desired", "pending", "pending_references", "touched" FROM "connector_object" ORDER BY "id";

SELECT "object_id", "observed", "desired", "sent", "shadow" FROM "connector_image";

SELECT "object_id", "observed", "desired", "sent", "shadow" FROM "connector_image" ORDER BY "object_id";

SELECT "key", "attribute_id", "object_id" FROM "connector_object_key";

SELECT "key", "attribute_id", "object_id" FROM "connector_object_key" ORDER BY "key", "key_length", "attribute_id", "object_id";

SELECT "object_id", "attribute_id", "target_id", "bits", "pending" FROM "connector_reference";

SELECT "object_id", "attribute_id", "target_id", "bits", "pending" FROM "connector_reference" ORDER BY "object_id", "attribute_id", "target_id";

SELECT "object_id", "attribute_id", "target_id" FROM "touched_reference";

SELECT "object_id", "attribute_id", "target_id" FROM "touched_reference" ORDER BY "object_id", "attribute_id", "target_id";

SELECT "id", "type", "touched", "image", "lineage" FROM "metaverse_object";

SELECT "id", "type", "touched", "image", "lineage" FROM "metaverse_object" ORDER BY "id";

SELECT "key", "attribute_id", "metaverse_id" FROM "metaverse_key";

SELECT "key", "attribute_id", "metaverse_id" FROM "metaverse_key" ORDER BY "key", "key_length", "attribute_id", "metaverse_id";

SELECT "object_id", "stage", "error", "message", "first_at", "last_at", "count", "retry_at", "quarantined" FROM "object_error";

SELECT "object_id", "stage", "error", "message", "first_at", "last_at", "count", "retry_at", "quarantined" FROM "object_error" ORDER BY "object_id", "stage", "stage_length";

SELECT "connector_id", "kind", "value" FROM "counter";

SELECT "connector_id", "kind", "value" FROM "counter" ORDER BY "connector_id", "kind", "kind_length";

SELECT "id", "profile", "host", "result", "started_at", "ended_at" FROM "run";

SELECT "id", "profile", "host", "result", "started_at", "ended_at" FROM "run" ORDER BY "id";

SELECT "run_id", "position", "name", "result", "started_at", "ended_at", "message" FROM "run_step";

SELECT "run_id", "position", "name", "result", "started_at", "ended_at", "message" FROM "run_step" ORDER BY "run_id", "position";

SELECT "run_id", "step_position", "position", "name", "value" FROM "run_counter";

SELECT "run_id", "step_position", "position", "name", "value" FROM "run_counter" ORDER BY "run_id", "step_position", "position";

SELECT "object_id", "observed", "desired", "sent", "shadow" FROM "connector_image" WHERE "object_id" > 17 AND "object_id" <= 99 ORDER BY "object_id";

SELECT "id", "type", "touched", "image", "lineage" FROM "metaverse_object" WHERE "id" > 17 AND "id" <= 99 ORDER BY "id";

SELECT "id", "connector_id", "anchor", "dn", "dn_key", "type", "state", "metaverse_id", "link_rule", "observed_hash", "desired", "pending", "pending_references", "touched" FROM "connector_object" WHERE "id" > 17 AND "id" <= 99 ORDER BY "id";

SELECT "key", "attribute_id", "object_id" FROM "connector_object_key" WHERE "key" >= 0x0100 AND ("key" > 0x0100 OR "key_length" > 2) AND "key" <= 0xfe AND ("key" < 0xfe OR "key_length" <= 1) ORDER BY "key", "key_length", "attribute_id", "object_id";

SELECT "object_id", "attribute_id", "target_id", "bits", "pending" FROM "connector_reference" WHERE "object_id" > 17 AND "object_id" <= 99 ORDER BY "object_id", "attribute_id", "target_id";

SELECT "key", "attribute_id", "metaverse_id" FROM "metaverse_key" WHERE "key" >= 0x0100 AND ("key" > 0x0100 OR "key_length" > 2) AND "key" <= 0xfe AND ("key" < 0xfe OR "key_length" <= 1) ORDER BY "key", "key_length", "attribute_id", "metaverse_id";

