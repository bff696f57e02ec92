DELETE FROM "connector";

DELETE FROM "connector_image";

DELETE FROM "connector_image" WHERE EXISTS (SELECT 1 FROM #rows AS k WHERE "connector_image"."object_id" = k."object_id");

DELETE FROM "connector_object";

DELETE FROM "connector_object" WHERE EXISTS (SELECT 1 FROM #rows AS k WHERE "connector_object"."id" = k."id");

DELETE FROM "connector_object_key";

DELETE FROM "connector_object_key" WHERE EXISTS (SELECT 1 FROM #rows AS k WHERE "connector_object_key"."key" = k."key" AND DATALENGTH("connector_object_key"."key") = DATALENGTH(k."key") AND "connector_object_key"."attribute_id" = k."attribute_id" AND "connector_object_key"."object_id" = k."object_id");

DELETE FROM "connector_object_key" WHERE EXISTS (SELECT 1 FROM #rows AS k WHERE "connector_object_key"."object_id" = k."object_id");

DELETE FROM "connector_reference";

DELETE FROM "connector_reference" WHERE EXISTS (SELECT 1 FROM #rows AS k WHERE "connector_reference"."object_id" = k."object_id" AND "connector_reference"."attribute_id" = k."attribute_id" AND "connector_reference"."target_id" = k."target_id");

DELETE FROM "connector_reference" WHERE EXISTS (SELECT 1 FROM #rows AS k WHERE "connector_reference"."object_id" = k."object_id");

DELETE FROM "connector_secret";

DELETE FROM "connector_secret" WHERE EXISTS (SELECT 1 FROM #rows AS k WHERE "connector_secret"."connector_id" = k."connector_id" AND "connector_secret"."name" = k."name" AND DATALENGTH("connector_secret"."name") = DATALENGTH(k."name"));

DELETE FROM "counter";

DELETE FROM "metaverse_key";

DELETE FROM "metaverse_key" WHERE EXISTS (SELECT 1 FROM #rows AS k WHERE "metaverse_key"."key" = k."key" AND DATALENGTH("metaverse_key"."key") = DATALENGTH(k."key") AND "metaverse_key"."attribute_id" = k."attribute_id" AND "metaverse_key"."metaverse_id" = k."metaverse_id");

DELETE FROM "metaverse_key" WHERE EXISTS (SELECT 1 FROM #rows AS k WHERE "metaverse_key"."metaverse_id" = k."metaverse_id");

DELETE FROM "metaverse_object";

DELETE FROM "metaverse_object" WHERE EXISTS (SELECT 1 FROM #rows AS k WHERE "metaverse_object"."id" = k."id");

DELETE FROM "name";

DELETE FROM "object_error";

DELETE FROM "object_error" WHERE EXISTS (SELECT 1 FROM #rows AS k WHERE "object_error"."object_id" = k."object_id" AND "object_error"."stage" = k."stage" AND DATALENGTH("object_error"."stage") = DATALENGTH(k."stage"));

DELETE FROM "object_error" WHERE EXISTS (SELECT 1 FROM #rows AS k WHERE "object_error"."object_id" = k."object_id");

DELETE FROM "run";

DELETE FROM "run_counter";

DELETE FROM "run_step";

DELETE FROM "sequence";

DELETE FROM "server" WHERE EXISTS (SELECT 1 FROM #rows AS k WHERE "server"."name" = k."name" AND DATALENGTH("server"."name") = DATALENGTH(k."name"));

DELETE FROM "setting";

DELETE FROM "setting" WHERE EXISTS (SELECT 1 FROM #rows AS k WHERE "setting"."name" = k."name" AND DATALENGTH("setting"."name") = DATALENGTH(k."name"));

DELETE FROM "sync_rule";

DELETE FROM "sync_rule" WHERE EXISTS (SELECT 1 FROM #rows AS k WHERE "sync_rule"."id" = k."id");

DELETE FROM "touched_reference" WHERE EXISTS (SELECT 1 FROM #rows AS k WHERE "touched_reference"."object_id" = k."object_id" AND "touched_reference"."attribute_id" = k."attribute_id" AND "touched_reference"."target_id" = k."target_id");

DELETE FROM "watermark";

DELETE FROM connector WHERE id = ?;

DELETE FROM connector_image WHERE object_id IN (SELECT id FROM connector_object WHERE connector_id = ?);

DELETE FROM connector_object WHERE connector_id = ?;

DELETE FROM connector_object_key WHERE object_id IN (SELECT id FROM connector_object WHERE connector_id = ?);

DELETE FROM connector_reference WHERE object_id IN (SELECT id FROM connector_object WHERE connector_id = ?);

DELETE FROM connector_reference WHERE target_id IN (SELECT id FROM connector_object WHERE connector_id = ?);

DELETE FROM counter WHERE connector_id = ?;

DELETE FROM lease;

DELETE FROM linkspan_transfer;

DELETE FROM linkspan_transfer_batch WHERE name = ?;

DELETE FROM linkspan_transfer_index WHERE name = ?;

DELETE FROM metaverse_key WHERE metaverse_id = 3;

DELETE FROM object_error WHERE object_id IN (SELECT id FROM connector_object WHERE connector_id = ?);

DELETE FROM run WHERE started_at < ? AND result <> '';

DELETE FROM run_counter WHERE run_id = ? AND step_position = ?;

DELETE FROM setting WHERE name = 'staging';

DELETE FROM watermark WHERE connector_id = ?;

INSERT INTO "connector" ("id", "name", "kind", "settings", "position") SELECT k."id", k."name", k."kind", k."settings", k."position" FROM #rows AS k;

INSERT INTO "connector_image" ("object_id", "observed", "desired", "sent", "shadow") SELECT k."object_id", k."observed", k."desired", k."sent", k."shadow" FROM #rows AS k;

INSERT INTO "connector_object" ("id", "connector_id", "anchor", "dn", "dn_key", "type", "state", "metaverse_id", "link_rule", "observed_hash", "desired", "pending", "pending_references", "touched") SELECT k."id", k."connector_id", k."anchor", k."dn", k."dn_key", k."type", k."state", k."metaverse_id", k."link_rule", k."observed_hash", k."desired", k."pending", k."pending_references", k."touched" FROM #rows AS k;

INSERT INTO "connector_object_key" ("key", "attribute_id", "object_id") SELECT k."key", k."attribute_id", k."object_id" FROM #rows AS k;

INSERT INTO "connector_reference" ("object_id", "attribute_id", "target_id", "bits", "pending") SELECT k."object_id", k."attribute_id", k."target_id", k."bits", k."pending" FROM #rows AS k;

INSERT INTO "connector_secret" ("connector_id", "name", "sealed", "key_set") SELECT k."connector_id", k."name", k."sealed", k."key_set" FROM #rows AS k;

INSERT INTO "counter" ("connector_id", "kind", "value") SELECT k."connector_id", k."kind", k."value" FROM #rows AS k;

INSERT INTO "lease" ("id", "holder", "fence", "expires_at", "seen_at") SELECT k."id", k."holder", k."fence", k."expires_at", k."seen_at" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "lease" WITH (UPDLOCK, SERIALIZABLE) WHERE "lease"."id" = k."id");

INSERT INTO "linkspan_database" ("id", "identity", "created_at", "created_by") SELECT k."id", k."identity", k."created_at", k."created_by" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "linkspan_database" WITH (UPDLOCK, SERIALIZABLE) WHERE "linkspan_database"."id" = k."id");

INSERT INTO "linkspan_database" ("id", "identity", "created_at", "created_by", "moved_to") SELECT k."id", k."identity", k."created_at", k."created_by", k."moved_to" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "linkspan_database" WITH (UPDLOCK, SERIALIZABLE) WHERE "linkspan_database"."id" = k."id");

INSERT INTO "linkspan_transfer_batch" ("name", "position", "upto", "row_count", "byte_count", "low", "high") SELECT k."name", k."position", k."upto", k."row_count", k."byte_count", k."low", k."high" FROM #rows AS k;

INSERT INTO "linkspan_transfer_index" ("name", "position", "definition") SELECT k."name", k."position", k."definition" FROM #rows AS k;

INSERT INTO "metaverse_key" ("key", "attribute_id", "metaverse_id") SELECT k."key", k."attribute_id", k."metaverse_id" FROM #rows AS k;

INSERT INTO "metaverse_object" ("id", "type", "touched", "image", "lineage") SELECT k."id", k."type", k."touched", k."image", k."lineage" FROM #rows AS k;

INSERT INTO "name" ("id", "name") SELECT k."id", k."name" FROM #rows AS k;

INSERT INTO "object_error" ("object_id", "stage", "error", "message", "first_at", "last_at", "count", "retry_at", "quarantined") SELECT k."object_id", k."stage", k."error", k."message", k."first_at", k."last_at", k."count", k."retry_at", k."quarantined" FROM #rows AS k;

INSERT INTO "run" ("id", "profile", "host", "result", "started_at", "ended_at") SELECT k."id", k."profile", k."host", k."result", k."started_at", k."ended_at" FROM #rows AS k;

INSERT INTO "run_counter" ("run_id", "step_position", "position", "name", "value") SELECT k."run_id", k."step_position", k."position", k."name", k."value" FROM #rows AS k;

INSERT INTO "run_step" ("run_id", "position", "name", "result", "started_at", "ended_at", "message") SELECT k."run_id", k."position", k."name", k."result", k."started_at", k."ended_at", k."message" FROM #rows AS k;

INSERT INTO "sequence" ("name", "next_id") SELECT k."name", k."next_id" FROM #rows AS k;

INSERT INTO "setting" ("name", "value") SELECT k."name", k."value" FROM #rows AS k;

INSERT INTO "sync_rule" ("id", "name", "position", "definition") SELECT k."id", k."name", k."position", k."definition" FROM #rows AS k;

INSERT INTO "touched_reference" ("object_id", "attribute_id", "target_id") SELECT k."object_id", k."attribute_id", k."target_id" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "touched_reference" WITH (UPDLOCK, SERIALIZABLE) WHERE "touched_reference"."object_id" = k."object_id" AND "touched_reference"."attribute_id" = k."attribute_id" AND "touched_reference"."target_id" = k."target_id");

INSERT INTO "watermark" ("connector_id", "position") SELECT k."connector_id", k."position" FROM #rows AS k;

INSERT INTO lease (id, holder, fence, expires_at, seen_at) VALUES (1, ?, ?, 0, ?);

INSERT INTO linkspan_transfer (id, transfer, part, other, "identity", stage, started_at) VALUES (1, ?, ?, ?, ?, ?, ?);

INSERT INTO run (id, profile, host, result, started_at, ended_at) VALUES (?, ?, ?, ?, ?, ?);

INSERT INTO schema_migration (number, name, checksum, applied_at) VALUES (?, ?, ?, ?);

INSERT INTO setting (name, value) VALUES ('staging', 'on');

SELECT "identity", created_at, created_by FROM linkspan_database WHERE id = 1;

SELECT "identity", created_at, created_by, moved_to FROM linkspan_database;

SELECT 1;

SELECT CAST(sum(value) AS bigint) FROM counter WHERE kind = 'objects';

SELECT TOP (?) id FROM connector_object WHERE connector_id = ? AND lower(dn) LIKE ? ESCAPE '\';

SELECT TOP (?) id FROM connector_object WHERE lower(dn) LIKE ? ESCAPE '\';

SELECT TOP (?) id, profile, host, result, started_at, ended_at FROM run ORDER BY id DESC;

SELECT TOP (?) id, type, touched, image, lineage FROM metaverse_object WHERE id > ? ORDER BY id;

SELECT TOP (?) id, type, touched, image, lineage FROM touched_metaverse WHERE id > ? ORDER BY id;

SELECT TOP (?) metaverse_id FROM metaverse_key WHERE "key" = ?;

SELECT TOP (?) o.id, o.connector_id, o.anchor, o.dn, o.dn_key, o.type, o.state, o.metaverse_id, o.link_rule, o.observed_hash, o.desired, o.pending, o.pending_references, o.touched FROM connector_object o WHERE o.connector_id = ? AND o.id > ? ORDER BY o.id;

SELECT TOP (?) o.id, o.connector_id, o.anchor, o.dn, o.dn_key, o.type, o.state, o.metaverse_id, o.link_rule, o.observed_hash, o.desired, o.pending, o.pending_references, o.touched FROM connector_object o WHERE o.id > ? ORDER BY o.id;

SELECT TOP (?) o.id, o.connector_id, o.anchor, o.dn, o.dn_key, o.type, o.state, o.metaverse_id, o.link_rule, o.observed_hash, o.desired, o.pending, o.pending_references, o.touched FROM touched_object o WHERE o.id > ? AND (o.touched & ?) <> 0 AND o.connector_id = ? ORDER BY o.id;

SELECT TOP (?) o.id, o.connector_id, o.anchor, o.dn, o.dn_key, o.type, o.state, o.metaverse_id, o.link_rule, o.observed_hash, o.desired, o.pending, o.pending_references, o.touched FROM touched_object o WHERE o.id > ? AND (o.touched & ?) <> 0 ORDER BY o.id;

SELECT TOP (?) o.id, o.connector_id, o.anchor, o.dn, o.dn_key, o.type, o.state, o.metaverse_id, o.link_rule, o.observed_hash, o.desired, o.pending, o.pending_references, o.touched, i.desired, i.shadow FROM connector_object o LEFT JOIN connector_image i ON i.object_id = o.id WHERE o.id > ? ORDER BY o.id;

SELECT TOP (?) o.id, o.connector_id, o.anchor, o.dn, o.dn_key, o.type, o.state, o.metaverse_id, o.link_rule, o.observed_hash, o.desired, o.pending, o.pending_references, o.touched, i.desired, i.shadow FROM touched_object o LEFT JOIN connector_image i ON i.object_id = o.id WHERE o.id > ? AND (o.touched & ?) <> 0 ORDER BY o.id;

SELECT TOP (?) o.id, o.connector_id, o.anchor, o.dn, o.dn_key, o.type, o.state, o.metaverse_id, o.link_rule, o.observed_hash, o.desired, o.pending, o.pending_references, o.touched, i.observed FROM connector_object o LEFT JOIN connector_image i ON i.object_id = o.id WHERE o.connector_id = ? AND o.id > ? ORDER BY o.id;

SELECT TOP (?) o.id, o.connector_id, o.anchor, o.dn, o.dn_key, o.type, o.state, o.metaverse_id, o.link_rule, o.observed_hash, o.desired, o.pending, o.pending_references, o.touched, i.observed, i.desired, i.sent, i.shadow FROM connector_object o LEFT JOIN connector_image i ON i.object_id = o.id WHERE o.connector_id = ? AND o.id > ? ORDER BY o.id;

SELECT TOP (?) o.id, o.connector_id, o.anchor, o.dn, o.dn_key, o.type, o.state, o.metaverse_id, o.link_rule, o.observed_hash, o.desired, o.pending, o.pending_references, o.touched, i.observed, i.desired, i.sent, i.shadow FROM pending_object o LEFT JOIN connector_image i ON i.object_id = o.id WHERE o.connector_id = ? AND o.id > ? ORDER BY o.id;

SELECT TOP (?) o.id, o.connector_id, o.anchor, o.dn, o.dn_key, o.type, o.state, o.metaverse_id, o.link_rule, o.observed_hash, o.desired, o.pending, o.pending_references, o.touched, i.observed, i.desired, i.sent, i.shadow FROM touched_object o LEFT JOIN connector_image i ON i.object_id = o.id WHERE o.id > ? AND (o.touched & ?) <> 0 AND o.connector_id = ? ORDER BY o.id;

SELECT TOP (?) object_id FROM connector_object_key WHERE "key" = ?;

SELECT TOP (?) object_id, attribute_id, target_id FROM touched_reference ORDER BY object_id, attribute_id, target_id;

SELECT connector_id, count(*) FROM (SELECT (SELECT o.connector_id FROM connector_object o WHERE o.id = e.object_id) AS connector_id FROM object_error e) AS error_of GROUP BY connector_id;

SELECT connector_id, kind, value FROM counter WHERE connector_id <> 0;

SELECT connector_id, name, sealed, key_set FROM connector_secret ORDER BY connector_id, name;

SELECT count(*) FROM "connector";

SELECT count(*) FROM "connector_image";

SELECT count(*) FROM "connector_object";

SELECT count(*) FROM "connector_object_key";

SELECT count(*) FROM "connector_reference";

SELECT count(*) FROM "connector_secret";

SELECT count(*) FROM "counter";

SELECT count(*) FROM "lease";

SELECT count(*) FROM "linkspan_database";

SELECT count(*) FROM "metaverse_key";

SELECT count(*) FROM "metaverse_object";

SELECT count(*) FROM "name";

SELECT count(*) FROM "object_error";

SELECT count(*) FROM "run";

SELECT count(*) FROM "run_counter";

SELECT count(*) FROM "run_step";

SELECT count(*) FROM "sequence";

SELECT count(*) FROM "setting";

SELECT count(*) FROM "sync_rule";

SELECT count(*) FROM "touched_reference";

SELECT count(*) FROM "watermark";

SELECT count(*) FROM run;

SELECT count(*), min(c.id) FROM connector c WHERE COALESCE((SELECT value FROM counter k WHERE k.connector_id = c.id AND k.kind = 'joined'), 0) <> (SELECT count(*) FROM connector_object o WHERE o.connector_id = c.id AND o.state = 4);

SELECT count(*), min(c.id) FROM connector c WHERE COALESCE((SELECT value FROM counter k WHERE k.connector_id = c.id AND k.kind = 'objects'), 0) <> (SELECT count(*) FROM connector_object o WHERE o.connector_id = c.id AND o.state <> 0);

SELECT count(*), min(connector_id) FROM watermark w WHERE NOT EXISTS (SELECT 1 FROM connector c WHERE c.id = w.connector_id);

SELECT count(*), min(id) FROM connector_object WHERE (state = 4 AND metaverse_id IS NULL) OR (state <> 4 AND metaverse_id IS NOT NULL);

SELECT count(*), min(id) FROM connector_object o WHERE (pending_references <> 0 AND NOT EXISTS (SELECT 1 FROM connector_reference r WHERE r.object_id = o.id AND r.pending <> 0)) OR (pending_references = 0 AND EXISTS (SELECT 1 FROM connector_reference r WHERE r.object_id = o.id AND r.pending <> 0));

SELECT count(*), min(id) FROM connector_object o WHERE NOT EXISTS (SELECT 1 FROM connector c WHERE c.id = o.connector_id);

SELECT count(*), min(id) FROM connector_object o WHERE metaverse_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM metaverse_object m WHERE m.id = o.metaverse_id);

SELECT count(*), min(metaverse_id) FROM metaverse_key k WHERE NOT EXISTS (SELECT 1 FROM metaverse_object m WHERE m.id = k.metaverse_id);

SELECT count(*), min(object_id) FROM connector_image i WHERE NOT EXISTS (SELECT 1 FROM connector_object o WHERE o.id = i.object_id);

SELECT count(*), min(object_id) FROM connector_object_key k WHERE NOT EXISTS (SELECT 1 FROM connector_object o WHERE o.id = k.object_id);

SELECT count(*), min(object_id) FROM connector_reference r WHERE NOT EXISTS (SELECT 1 FROM connector_object o WHERE o.id = r.object_id);

SELECT count(*), min(object_id) FROM object_error e WHERE NOT EXISTS (SELECT 1 FROM connector_object o WHERE o.id = e.object_id);

SELECT count(*), min(target_id) FROM connector_reference r WHERE NOT EXISTS (SELECT 1 FROM connector_object o WHERE o.id = r.target_id);

SELECT e.object_id, e.stage, e.error, e.message, e.first_at, e.last_at, e.count, e.retry_at, e.quarantined FROM object_error e WHERE (SELECT o.connector_id FROM connector_object o WHERE o.id = e.object_id) = ? ORDER BY e.first_at, e.object_id, e.stage OFFSET ? ROWS FETCH NEXT ? ROWS ONLY;

SELECT expires_at, fence FROM lease WHERE id = 1;

SELECT fence FROM lease WHERE id = 1;

SELECT holder FROM lease WHERE id = 1;

SELECT holder, expires_at FROM lease WHERE id = 1;

SELECT holder, fence, expires_at, seen_at FROM lease WHERE id = 1;

SELECT holder, fence, seen_at FROM lease WHERE id = 1;

SELECT id FROM connector;

SELECT id FROM connector WHERE name = ?;

SELECT id FROM connector_object WHERE connector_id = ? AND anchor = ?;

SELECT id FROM connector_object WHERE connector_id = ? AND dn_key = ?;

SELECT id, image, lineage FROM metaverse_object;

SELECT id, name FROM name ORDER BY id;

SELECT id, name FROM sync_rule;

SELECT id, name, definition FROM sync_rule ORDER BY position;

SELECT id, name, kind, settings, position FROM connector ORDER BY position, id;

SELECT k."linkspan_index", "connector_object"."connector_id", "connector_object"."anchor", "connector_object"."dn", "connector_object"."dn_key", "connector_object"."state", "connector_object"."pending", "connector_object"."pending_references" FROM #rows AS k INNER JOIN "connector_object" ON "connector_object"."id" = k."id";

SELECT k."linkspan_index", "connector_object"."connector_id", "connector_object"."anchor", "connector_object"."dn", "connector_object"."dn_key", "connector_object"."type", "connector_object"."state", "connector_object"."metaverse_id", "connector_object"."link_rule", "connector_object"."observed_hash", "connector_object"."desired", "connector_object"."pending", "connector_object"."pending_references", "connector_object"."touched" FROM #rows AS k INNER JOIN "connector_object" ON "connector_object"."id" = k."id";

SELECT k."linkspan_index", "connector_object"."id" FROM #rows AS k INNER JOIN "connector_object" ON "connector_object"."metaverse_id" = k."metaverse_id";

SELECT k."linkspan_index", "connector_object"."id" FROM #rows AS k INNER JOIN "connector_object" ON "connector_object"."metaverse_id" = k."metaverse_id" AND "connector_object"."connector_id" = k."connector_id";

SELECT k."linkspan_index", "connector_object"."id", "connector_object"."anchor", "connector_object"."dn", "connector_object"."type", "connector_object"."state", "connector_object"."metaverse_id", "connector_object"."link_rule", "connector_object"."observed_hash", "connector_object"."desired", "connector_object"."pending", "connector_object"."pending_references", "connector_object"."touched" FROM #rows AS k INNER JOIN "connector_object" ON "connector_object"."connector_id" = k."connector_id" AND "connector_object"."dn_key" = k."dn_key" AND DATALENGTH("connector_object"."dn_key") = DATALENGTH(k."dn_key");

SELECT k."linkspan_index", "connector_object"."id", "connector_object"."dn", "connector_object"."dn_key", "connector_object"."type", "connector_object"."state", "connector_object"."metaverse_id", "connector_object"."link_rule", "connector_object"."observed_hash", "connector_object"."desired", "connector_object"."pending", "connector_object"."pending_references", "connector_object"."touched" FROM #rows AS k INNER JOIN "connector_object" ON "connector_object"."connector_id" = k."connector_id" AND "connector_object"."anchor" = k."anchor" AND DATALENGTH("connector_object"."anchor") = DATALENGTH(k."anchor");

SELECT k."linkspan_index", "connector_object"."metaverse_id" FROM #rows AS k INNER JOIN "connector_object" ON "connector_object"."id" = k."id";

SELECT k."linkspan_index", "connector_object"."metaverse_id", "connector_object"."type" FROM #rows AS k INNER JOIN "connector_object" ON "connector_object"."id" = k."id";

SELECT k."linkspan_index", "connector_object"."touched" FROM #rows AS k INNER JOIN "connector_object" ON "connector_object"."id" = k."id";

SELECT k."linkspan_index", "connector_object_full"."connector_id", "connector_object_full"."anchor", "connector_object_full"."dn", "connector_object_full"."dn_key", "connector_object_full"."type", "connector_object_full"."state", "connector_object_full"."metaverse_id", "connector_object_full"."link_rule", "connector_object_full"."observed_hash", "connector_object_full"."desired", "connector_object_full"."pending", "connector_object_full"."pending_references", "connector_object_full"."touched", "connector_object_full"."observed_image" FROM #rows AS k INNER JOIN "connector_object_full" ON "connector_object_full"."id" = k."id";

SELECT k."linkspan_index", "connector_object_full"."connector_id", "connector_object_full"."anchor", "connector_object_full"."dn", "connector_object_full"."dn_key", "connector_object_full"."type", "connector_object_full"."state", "connector_object_full"."metaverse_id", "connector_object_full"."link_rule", "connector_object_full"."observed_hash", "connector_object_full"."desired", "connector_object_full"."pending", "connector_object_full"."pending_references", "connector_object_full"."touched", "connector_object_full"."observed_image", "connector_object_full"."desired_image", "connector_object_full"."sent_image", "connector_object_full"."shadow_image" FROM #rows AS k INNER JOIN "connector_object_full" ON "connector_object_full"."id" = k."id";

SELECT k."linkspan_index", "connector_object_full"."connector_id", "connector_object_full"."anchor", "connector_object_full"."dn", "connector_object_full"."dn_key", "connector_object_full"."type", "connector_object_full"."state", "connector_object_full"."metaverse_id", "connector_object_full"."link_rule", "connector_object_full"."observed_hash", "connector_object_full"."desired", "connector_object_full"."pending", "connector_object_full"."pending_references", "connector_object_full"."touched", "connector_object_full"."sent_image" FROM #rows AS k INNER JOIN "connector_object_full" ON "connector_object_full"."id" = k."id";

SELECT k."linkspan_index", "connector_object_full"."id", "connector_object_full"."connector_id", "connector_object_full"."anchor", "connector_object_full"."dn", "connector_object_full"."dn_key", "connector_object_full"."type", "connector_object_full"."state", "connector_object_full"."link_rule", "connector_object_full"."observed_hash", "connector_object_full"."desired", "connector_object_full"."pending", "connector_object_full"."pending_references", "connector_object_full"."touched", "connector_object_full"."observed_image" FROM #rows AS k INNER JOIN "connector_object_full" ON "connector_object_full"."metaverse_id" = k."metaverse_id";

SELECT k."linkspan_index", "connector_object_key"."key", "connector_object_key"."attribute_id" FROM #rows AS k INNER JOIN "connector_object_key" ON "connector_object_key"."object_id" = k."object_id";

SELECT k."linkspan_index", "connector_reference"."attribute_id", "connector_reference"."target_id", "connector_reference"."bits" FROM #rows AS k INNER JOIN "connector_reference" ON "connector_reference"."object_id" = k."object_id";

SELECT k."linkspan_index", "connector_reference"."bits" FROM #rows AS k INNER JOIN "connector_reference" ON "connector_reference"."object_id" = k."object_id" AND "connector_reference"."attribute_id" = k."attribute_id" AND "connector_reference"."target_id" = k."target_id";

SELECT k."linkspan_index", "connector_reference"."object_id", "connector_reference"."attribute_id" FROM #rows AS k INNER JOIN "connector_reference" ON "connector_reference"."target_id" = k."target_id";

SELECT k."linkspan_index", "connector_reference"."object_id", "connector_reference"."attribute_id", "connector_reference"."bits" FROM #rows AS k INNER JOIN "connector_reference" ON "connector_reference"."target_id" = k."target_id";

SELECT k."linkspan_index", "connector_reference"."object_id", "connector_reference"."bits" FROM #rows AS k INNER JOIN "connector_reference" ON "connector_reference"."target_id" = k."target_id" AND "connector_reference"."attribute_id" = k."attribute_id";

SELECT k."linkspan_index", "connector_reference"."target_id", "connector_reference"."attribute_id", "connector_reference"."bits" FROM #rows AS k INNER JOIN "connector_reference" ON "connector_reference"."object_id" = k."object_id";

SELECT k."linkspan_index", "connector_reference"."target_id", "connector_reference"."bits" FROM #rows AS k INNER JOIN "connector_reference" ON "connector_reference"."object_id" = k."object_id" AND "connector_reference"."attribute_id" = k."attribute_id";

SELECT k."linkspan_index", "counter"."value" FROM #rows AS k INNER JOIN "counter" ON "counter"."connector_id" = k."connector_id" AND "counter"."kind" = k."kind" AND DATALENGTH("counter"."kind") = DATALENGTH(k."kind");

SELECT k."linkspan_index", "disconnector_key"."object_id", "disconnector_key"."connector_id" FROM #rows AS k INNER JOIN "disconnector_key" ON "disconnector_key"."key" = k."key" AND DATALENGTH("disconnector_key"."key") = DATALENGTH(k."key") AND "disconnector_key"."attribute_id" = k."attribute_id";

SELECT k."linkspan_index", "metaverse_key"."key", "metaverse_key"."attribute_id" FROM #rows AS k INNER JOIN "metaverse_key" ON "metaverse_key"."metaverse_id" = k."metaverse_id";

SELECT k."linkspan_index", "metaverse_match"."metaverse_id", "metaverse_match"."type" FROM #rows AS k INNER JOIN "metaverse_match" ON "metaverse_match"."key" = k."key" AND DATALENGTH("metaverse_match"."key") = DATALENGTH(k."key") AND "metaverse_match"."attribute_id" = k."attribute_id";

SELECT k."linkspan_index", "metaverse_object"."touched" FROM #rows AS k INNER JOIN "metaverse_object" ON "metaverse_object"."id" = k."id";

SELECT k."linkspan_index", "metaverse_object"."type" FROM #rows AS k INNER JOIN "metaverse_object" ON "metaverse_object"."id" = k."id";

SELECT k."linkspan_index", "metaverse_object"."type", "metaverse_object"."touched", "metaverse_object"."image", "metaverse_object"."lineage" FROM #rows AS k INNER JOIN "metaverse_object" ON "metaverse_object"."id" = k."id";

SELECT k."linkspan_index", "object_error"."first_at", "object_error"."count" FROM #rows AS k INNER JOIN "object_error" ON "object_error"."object_id" = k."object_id" AND "object_error"."stage" = k."stage" AND DATALENGTH("object_error"."stage") = DATALENGTH(k."stage");

SELECT k."linkspan_index", "object_error"."stage", "object_error"."error", "object_error"."message", "object_error"."first_at", "object_error"."last_at", "object_error"."count", "object_error"."retry_at", "object_error"."quarantined" FROM #rows AS k INNER JOIN "object_error" ON "object_error"."object_id" = k."object_id";

SELECT k."linkspan_index", "observed_target"."metaverse_id" FROM #rows AS k INNER JOIN "observed_target" ON "observed_target"."object_id" = k."object_id" AND "observed_target"."attribute_id" = k."attribute_id";

SELECT k."linkspan_index", "pending_reference"."attribute_id", "pending_reference"."target_id", "pending_reference"."bits" FROM #rows AS k INNER JOIN "pending_reference" ON "pending_reference"."object_id" = k."object_id";

SELECT k."linkspan_index", "referenced_object"."connector_id" FROM #rows AS k INNER JOIN "referenced_object" ON "referenced_object"."id" = k."id";

SELECT max(id) FROM "connector";

SELECT max(id) FROM "connector_object";

SELECT max(id) FROM "metaverse_object";

SELECT max(id) FROM "run";

SELECT max(id) FROM "sync_rule";

SELECT max(id) FROM name;

SELECT max(position) FROM run_step WHERE run_id = ?;

SELECT moved_to FROM linkspan_database;

SELECT moved_to FROM linkspan_database WHERE id = 1;

SELECT name, leads, seen_at, expires_at, stands_back_until FROM server;

SELECT name, value FROM setting ORDER BY name;

SELECT next_id FROM sequence WHERE name = ?;

SELECT number, name, checksum FROM schema_migration ORDER BY number;

SELECT o.id FROM connector_object o WHERE o.id > ? AND o.state = 0 AND o.pending = 0 AND NOT EXISTS (SELECT 1 FROM connector_reference r WHERE r.target_id = o.id) AND NOT EXISTS (SELECT 1 FROM connector_reference r WHERE r.object_id = o.id) ORDER BY o.id;

SELECT object_id, observed, desired, sent, shadow FROM connector_image;

SELECT object_id, stage, error, message, first_at, last_at, count, retry_at, quarantined FROM object_error ORDER BY first_at, object_id, stage OFFSET ? ROWS FETCH NEXT ? ROWS ONLY;

SELECT position FROM run_step WHERE run_id = ? AND name = ? AND started_at = ?;

SELECT position FROM watermark WHERE connector_id = ?;

SELECT position, definition FROM linkspan_transfer_index WHERE name = ? ORDER BY position;

SELECT run_id, position, name, result, started_at, ended_at, message FROM run_step WHERE run_id >= ? ORDER BY run_id, position;

SELECT run_id, step_position, name, value FROM run_counter WHERE run_id >= ? ORDER BY run_id, step_position, position;

SELECT transfer, part, other, "identity", stage, started_at FROM linkspan_transfer WHERE id = 1;

SELECT upto, row_count, byte_count, low, high FROM linkspan_transfer_batch WHERE name = ? ORDER BY position;

SELECT value FROM counter WHERE connector_id = 0 AND kind = ?;

SELECT value FROM setting WHERE name = ?;

UPDATE "connector" SET "name" = k."name", "kind" = k."kind", "settings" = k."settings", "position" = k."position" FROM "connector" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "connector"."id" = k."id";
INSERT INTO "connector" ("id", "name", "kind", "settings", "position") SELECT k."id", k."name", k."kind", k."settings", k."position" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "connector" WITH (UPDLOCK, SERIALIZABLE) WHERE "connector"."id" = k."id");

UPDATE "connector_image" SET "desired" = k."desired" FROM "connector_image" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "connector_image"."object_id" = k."object_id";
INSERT INTO "connector_image" ("object_id", "desired") SELECT k."object_id", k."desired" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "connector_image" WITH (UPDLOCK, SERIALIZABLE) WHERE "connector_image"."object_id" = k."object_id");

UPDATE "connector_image" SET "desired" = k."desired", "sent" = k."sent" FROM "connector_image" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "connector_image"."object_id" = k."object_id";
INSERT INTO "connector_image" ("object_id", "desired", "sent") SELECT k."object_id", k."desired", k."sent" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "connector_image" WITH (UPDLOCK, SERIALIZABLE) WHERE "connector_image"."object_id" = k."object_id");

UPDATE "connector_image" SET "observed" = k."observed" FROM "connector_image" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "connector_image"."object_id" = k."object_id";
INSERT INTO "connector_image" ("object_id", "observed") SELECT k."object_id", k."observed" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "connector_image" WITH (UPDLOCK, SERIALIZABLE) WHERE "connector_image"."object_id" = k."object_id");

UPDATE "connector_image" SET "observed" = k."observed", "desired" = k."desired" FROM "connector_image" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "connector_image"."object_id" = k."object_id";
INSERT INTO "connector_image" ("object_id", "observed", "desired") SELECT k."object_id", k."observed", k."desired" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "connector_image" WITH (UPDLOCK, SERIALIZABLE) WHERE "connector_image"."object_id" = k."object_id");

UPDATE "connector_image" SET "observed" = k."observed", "desired" = k."desired", "sent" = k."sent", "shadow" = k."shadow" FROM "connector_image" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "connector_image"."object_id" = k."object_id";
INSERT INTO "connector_image" ("object_id", "observed", "desired", "sent", "shadow") SELECT k."object_id", k."observed", k."desired", k."sent", k."shadow" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "connector_image" WITH (UPDLOCK, SERIALIZABLE) WHERE "connector_image"."object_id" = k."object_id");

UPDATE "connector_object" SET "connector_id" = k."connector_id", "anchor" = k."anchor", "dn" = k."dn", "dn_key" = k."dn_key", "type" = k."type", "state" = k."state", "metaverse_id" = k."metaverse_id", "link_rule" = k."link_rule", "observed_hash" = k."observed_hash", "desired" = k."desired", "pending" = k."pending", "pending_references" = k."pending_references", "touched" = k."touched" FROM "connector_object" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "connector_object"."id" = k."id";
INSERT INTO "connector_object" ("id", "connector_id", "anchor", "dn", "dn_key", "type", "state", "metaverse_id", "link_rule", "observed_hash", "desired", "pending", "pending_references", "touched") SELECT k."id", k."connector_id", k."anchor", k."dn", k."dn_key", k."type", k."state", k."metaverse_id", k."link_rule", k."observed_hash", k."desired", k."pending", k."pending_references", k."touched" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "connector_object" WITH (UPDLOCK, SERIALIZABLE) WHERE "connector_object"."id" = k."id");

UPDATE "connector_object" SET "touched" = k."touched" FROM "connector_object" INNER JOIN #rows AS k ON "connector_object"."id" = k."id";

UPDATE "connector_object" SET "type" = k."type", "state" = k."state", "metaverse_id" = k."metaverse_id", "link_rule" = k."link_rule", "observed_hash" = k."observed_hash", "desired" = k."desired", "pending" = k."pending", "pending_references" = k."pending_references", "touched" = k."touched" FROM "connector_object" INNER JOIN #rows AS k ON "connector_object"."id" = k."id";

UPDATE "connector_object" SET "type" = k."type", "state" = k."state", "metaverse_id" = k."metaverse_id", "link_rule" = k."link_rule", "observed_hash" = k."observed_hash", "desired" = k."desired", "pending" = k."pending", "pending_references" = k."pending_references", "touched" = k."touched", "anchor" = k."anchor" FROM "connector_object" INNER JOIN #rows AS k ON "connector_object"."id" = k."id";

UPDATE "connector_reference" SET "bits" = k."bits", "pending" = k."pending" FROM "connector_reference" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "connector_reference"."object_id" = k."object_id" AND "connector_reference"."attribute_id" = k."attribute_id" AND "connector_reference"."target_id" = k."target_id";
INSERT INTO "connector_reference" ("object_id", "attribute_id", "target_id", "bits", "pending") SELECT k."object_id", k."attribute_id", k."target_id", k."bits", k."pending" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "connector_reference" WITH (UPDLOCK, SERIALIZABLE) WHERE "connector_reference"."object_id" = k."object_id" AND "connector_reference"."attribute_id" = k."attribute_id" AND "connector_reference"."target_id" = k."target_id");

UPDATE "connector_secret" SET "sealed" = k."sealed", "key_set" = k."key_set" FROM "connector_secret" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "connector_secret"."connector_id" = k."connector_id" AND "connector_secret"."name" = k."name" AND DATALENGTH("connector_secret"."name") = DATALENGTH(k."name");
INSERT INTO "connector_secret" ("connector_id", "name", "sealed", "key_set") SELECT k."connector_id", k."name", k."sealed", k."key_set" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "connector_secret" WITH (UPDLOCK, SERIALIZABLE) WHERE "connector_secret"."connector_id" = k."connector_id" AND "connector_secret"."name" = k."name" AND DATALENGTH("connector_secret"."name") = DATALENGTH(k."name"));

UPDATE "counter" SET "value" = k."value" FROM "counter" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "counter"."connector_id" = k."connector_id" AND "counter"."kind" = k."kind" AND DATALENGTH("counter"."kind") = DATALENGTH(k."kind");
INSERT INTO "counter" ("connector_id", "kind", "value") SELECT k."connector_id", k."kind", k."value" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "counter" WITH (UPDLOCK, SERIALIZABLE) WHERE "counter"."connector_id" = k."connector_id" AND "counter"."kind" = k."kind" AND DATALENGTH("counter"."kind") = DATALENGTH(k."kind"));

UPDATE "metaverse_object" SET "touched" = k."touched" FROM "metaverse_object" INNER JOIN #rows AS k ON "metaverse_object"."id" = k."id";

UPDATE "metaverse_object" SET "type" = k."type", "touched" = k."touched", "image" = k."image", "lineage" = k."lineage" FROM "metaverse_object" INNER JOIN #rows AS k ON "metaverse_object"."id" = k."id";

UPDATE "object_error" SET "error" = k."error", "message" = k."message", "first_at" = k."first_at", "last_at" = k."last_at", "count" = k."count", "retry_at" = k."retry_at", "quarantined" = k."quarantined" FROM "object_error" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "object_error"."object_id" = k."object_id" AND "object_error"."stage" = k."stage" AND DATALENGTH("object_error"."stage") = DATALENGTH(k."stage");
INSERT INTO "object_error" ("object_id", "stage", "error", "message", "first_at", "last_at", "count", "retry_at", "quarantined") SELECT k."object_id", k."stage", k."error", k."message", k."first_at", k."last_at", k."count", k."retry_at", k."quarantined" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "object_error" WITH (UPDLOCK, SERIALIZABLE) WHERE "object_error"."object_id" = k."object_id" AND "object_error"."stage" = k."stage" AND DATALENGTH("object_error"."stage") = DATALENGTH(k."stage"));

UPDATE "run_step" SET "name" = k."name", "result" = k."result", "started_at" = k."started_at", "ended_at" = k."ended_at", "message" = k."message" FROM "run_step" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "run_step"."run_id" = k."run_id" AND "run_step"."position" = k."position";
INSERT INTO "run_step" ("run_id", "position", "name", "result", "started_at", "ended_at", "message") SELECT k."run_id", k."position", k."name", k."result", k."started_at", k."ended_at", k."message" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "run_step" WITH (UPDLOCK, SERIALIZABLE) WHERE "run_step"."run_id" = k."run_id" AND "run_step"."position" = k."position");

UPDATE "sequence" SET "next_id" = k."next_id" FROM "sequence" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "sequence"."name" = k."name" AND DATALENGTH("sequence"."name") = DATALENGTH(k."name");
INSERT INTO "sequence" ("name", "next_id") SELECT k."name", k."next_id" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "sequence" WITH (UPDLOCK, SERIALIZABLE) WHERE "sequence"."name" = k."name" AND DATALENGTH("sequence"."name") = DATALENGTH(k."name"));

UPDATE "server" SET "leads" = k."leads", "seen_at" = k."seen_at", "expires_at" = k."expires_at", "stands_back_until" = k."stands_back_until" FROM "server" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "server"."name" = k."name" AND DATALENGTH("server"."name") = DATALENGTH(k."name");
INSERT INTO "server" ("name", "leads", "seen_at", "expires_at", "stands_back_until") SELECT k."name", k."leads", k."seen_at", k."expires_at", k."stands_back_until" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "server" WITH (UPDLOCK, SERIALIZABLE) WHERE "server"."name" = k."name" AND DATALENGTH("server"."name") = DATALENGTH(k."name"));

UPDATE "setting" SET "value" = k."value" FROM "setting" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "setting"."name" = k."name" AND DATALENGTH("setting"."name") = DATALENGTH(k."name");
INSERT INTO "setting" ("name", "value") SELECT k."name", k."value" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "setting" WITH (UPDLOCK, SERIALIZABLE) WHERE "setting"."name" = k."name" AND DATALENGTH("setting"."name") = DATALENGTH(k."name"));

UPDATE "sync_rule" SET "name" = k."name", "position" = k."position", "definition" = k."definition" FROM "sync_rule" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "sync_rule"."id" = k."id";
INSERT INTO "sync_rule" ("id", "name", "position", "definition") SELECT k."id", k."name", k."position", k."definition" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "sync_rule" WITH (UPDLOCK, SERIALIZABLE) WHERE "sync_rule"."id" = k."id");

UPDATE "watermark" SET "position" = k."position" FROM "watermark" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN #rows AS k ON "watermark"."connector_id" = k."connector_id";
INSERT INTO "watermark" ("connector_id", "position") SELECT k."connector_id", k."position" FROM #rows AS k WHERE NOT EXISTS (SELECT 1 FROM "watermark" WITH (UPDLOCK, SERIALIZABLE) WHERE "watermark"."connector_id" = k."connector_id");

UPDATE lease SET expires_at = ?, seen_at = ? WHERE id = 1 AND holder = ? AND fence = ? AND NOT EXISTS (SELECT 1 FROM linkspan_database WHERE moved_to <> '');

UPDATE lease SET fence = fence WHERE id = 1;

UPDATE lease SET fence = fence WHERE id = 1 AND holder = ? AND fence = ?;

UPDATE lease SET holder = '', expires_at = 0 WHERE id = 1 AND holder = ? AND fence = ?;

UPDATE lease SET holder = ?, fence = fence + 1, expires_at = ?, seen_at = ? WHERE id = 1 AND (holder = '' OR holder = ? OR expires_at <= ?);

UPDATE linkspan_database SET moved_to = ?, moved_at = ? WHERE id = 1;

UPDATE linkspan_transfer SET stage = ? WHERE transfer = ? AND stage = ?;

UPDATE linkspan_transfer_batch SET row_count = ?, byte_count = ?, low = ?, high = ? WHERE name = ? AND position = ?;

UPDATE metaverse_object SET touched = 2 WHERE id IN (SELECT metaverse_id FROM connector_object WHERE connector_id = ? AND metaverse_id IS NOT NULL);

UPDATE run SET result = ?, ended_at = ? WHERE id = ?;

