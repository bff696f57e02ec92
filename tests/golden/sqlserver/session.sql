SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)), CAST(SERVERPROPERTY('EngineEdition') AS nvarchar(128)), CAST(SERVERPROPERTY('Babelfish') AS nvarchar(128)), DB_NAME()

SET ANSI_NULLS ON; SET ANSI_PADDING ON; SET ANSI_WARNINGS ON; SET ARITHABORT ON; SET CONCAT_NULL_YIELDS_NULL ON; SET QUOTED_IDENTIFIER ON; SET NUMERIC_ROUNDABORT OFF; SET IMPLICIT_TRANSACTIONS OFF; SET NOCOUNT OFF; SET XACT_ABORT ON; SET TEXTSIZE 2147483647; SET LOCK_TIMEOUT 30000

SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()

SELECT DATEDIFF_BIG(microsecond, '19700101', SYSUTCDATETIME())

SELECT name FROM sys.tables WHERE schema_id = SCHEMA_ID() AND is_ms_shipped = 0

SELECT SUM(CAST(size AS bigint)) * 8192 FROM sys.database_files

IF OBJECT_ID(N'linkspan_thing', N'U') IS NULL CREATE TABLE "linkspan_thing" ("id" bigint NOT NULL PRIMARY KEY, "name" nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL)

IF OBJECT_ID(N'linkspan_thing_part', N'U') IS NULL CREATE TABLE "linkspan_thing_part" ("name" nvarchar(400) COLLATE Latin1_General_100_BIN2 NOT NULL, "position" bigint NOT NULL, "definition" nvarchar(max) COLLATE Latin1_General_100_BIN2 NOT NULL, PRIMARY KEY ("name", "position"))

SELECT name FROM sys.views WHERE schema_id = SCHEMA_ID() AND is_ms_shipped = 0

SELECT MIN(m.bytes) FROM (SELECT CASE WHEN MIN(CASE WHEN growth = 0 THEN size ELSE max_size END) < 0 THEN NULL ELSE SUM(CAST(CASE WHEN growth = 0 THEN size ELSE max_size END AS bigint)) * 8192 END AS bytes FROM sys.database_files WHERE type = 0 UNION ALL SELECT CASE WHEN CAST(SERVERPROPERTY('EngineEdition') AS int) <> 4 THEN NULL WHEN CAST(SERVERPROPERTY('ProductMajorVersion') AS int) >= 17 THEN 53687091200 ELSE 10737418240 END) AS m

SELECT CAST(snapshot_isolation_state AS int) FROM sys.databases WHERE database_id = DB_ID()

SELECT N'UTF-16, collation ' + CAST(DATABASEPROPERTYEX(DB_NAME(), 'Collation') AS nvarchar(128))

SET LOCK_TIMEOUT 300000

DECLARE @got int; EXEC @got = sp_getapplock @Resource = N'linkspan transfer', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 1; SELECT @got

SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN TRANSACTION

SELECT "owner", "kind", "made", "note" FROM "pet" WHERE 1 = 0

INSERT INTO "pet" ("owner", "kind", "made", "note") SELECT k."owner", k."kind", k."made", k."note" FROM (VALUES (@P1, @P2, @P3, @P4), (@P5, @P6, @P7, @P8)) AS k ("owner", "kind", "made", "note")

UPDATE "pet" SET "note" = k."note" FROM "pet" WITH (UPDLOCK, SERIALIZABLE) INNER JOIN (VALUES (@P1, @P2, @P3, @P4), (@P5, @P6, @P7, @P8)) AS k ("owner", "kind", "made", "note") ON "pet"."owner" = k."owner" AND "pet"."kind" = k."kind" AND DATALENGTH("pet"."kind") = DATALENGTH(k."kind")

INSERT INTO "pet" ("owner", "kind", "made", "note") SELECT k."owner", k."kind", k."made", k."note" FROM (VALUES (@P1, @P2, @P3, @P4), (@P5, @P6, @P7, @P8)) AS k ("owner", "kind", "made", "note") WHERE NOT EXISTS (SELECT 1 FROM "pet" WITH (UPDLOCK, SERIALIZABLE) WHERE "pet"."owner" = k."owner" AND "pet"."kind" = k."kind" AND DATALENGTH("pet"."kind") = DATALENGTH(k."kind"))

SELECT "owner", "kind" FROM "pet" WHERE 1 = 0

DELETE FROM "pet" WHERE EXISTS (SELECT 1 FROM (VALUES (@P1, @P2), (@P3, @P4)) AS k ("owner", "kind") WHERE "pet"."owner" = k."owner" AND "pet"."kind" = k."kind" AND DATALENGTH("pet"."kind") = DATALENGTH(k."kind"))

UPDATE pet SET note = @P1 WHERE owner = @P2

SELECT COUNT(*) FROM "pet" WITH (TABLOCK, HOLDLOCK)

COMMIT TRANSACTION

SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION; IF OBJECT_ID(N'schema_migration', N'U') IS NOT NULL SELECT COUNT(*) FROM schema_migration

SELECT "owner", "kind" FROM "pet" WHERE 1 = 0

SELECT k."linkspan_index", "pet"."note" FROM (VALUES (0, @P1, @P2), (1, @P3, @P4)) AS k ("linkspan_index", "owner", "kind") INNER JOIN "pet" ON "pet"."owner" = k."owner" AND "pet"."kind" = k."kind" AND DATALENGTH("pet"."kind") = DATALENGTH(k."kind")

SELECT TOP (@P1) note FROM pet WHERE owner = @P2 ORDER BY owner

IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION

