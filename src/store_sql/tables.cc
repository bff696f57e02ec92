#include "store_sql/tables.h"

#include <array>

namespace linkspan::store_sql {

namespace {

using enum ColumnType;

constexpr std::array k_linkspan_database{
    ColumnInfo{.name = "id", .type = integer, .key = true}, ColumnInfo{.name = "identity", .type = text},
    ColumnInfo{.name = "created_at", .type = integer},      ColumnInfo{.name = "created_by", .type = text},
    ColumnInfo{.name = "moved_to", .type = text},           ColumnInfo{.name = "moved_at", .type = integer},
};

constexpr std::array k_sequence{
    ColumnInfo{.name = "name", .type = text, .key = true},
    ColumnInfo{.name = "next_id", .type = integer},
};

constexpr std::array k_lease{
    ColumnInfo{.name = "id", .type = integer, .key = true}, ColumnInfo{.name = "holder", .type = text},
    ColumnInfo{.name = "fence", .type = integer},           ColumnInfo{.name = "expires_at", .type = integer},
    ColumnInfo{.name = "seen_at", .type = integer},
};

constexpr std::array k_name{
    ColumnInfo{.name = "id", .type = integer, .key = true},
    ColumnInfo{.name = "name", .type = text},
};

constexpr std::array k_connector{
    ColumnInfo{.name = "id", .type = integer, .key = true},
    ColumnInfo{.name = "name", .type = text},
    ColumnInfo{.name = "kind", .type = text},
    ColumnInfo{.name = "settings", .type = text},
    ColumnInfo{.name = "position", .type = integer},
};

constexpr std::array k_connector_secret{
    ColumnInfo{.name = "connector_id", .type = integer, .key = true},
    ColumnInfo{.name = "name", .type = text, .key = true},
    ColumnInfo{.name = "sealed", .type = blob},
    ColumnInfo{.name = "key_set", .type = text},
};

constexpr std::array k_sync_rule{
    ColumnInfo{.name = "id", .type = integer, .key = true},
    ColumnInfo{.name = "name", .type = text},
    ColumnInfo{.name = "position", .type = integer},
    ColumnInfo{.name = "definition", .type = text},
};

constexpr std::array k_setting{
    ColumnInfo{.name = "name", .type = text, .key = true},
    ColumnInfo{.name = "value", .type = text},
};

constexpr std::array k_watermark{
    ColumnInfo{.name = "connector_id", .type = integer, .key = true},
    ColumnInfo{.name = "position", .type = blob},
};

constexpr std::array k_connector_object{
    ColumnInfo{.name = "id", .type = integer, .key = true},
    ColumnInfo{.name = "connector_id", .type = integer},
    ColumnInfo{.name = "anchor", .type = blob, .nullable = true},
    ColumnInfo{.name = "dn", .type = text},
    ColumnInfo{.name = "dn_key", .type = blob, .nullable = true},
    ColumnInfo{.name = "type", .type = integer},
    ColumnInfo{.name = "state", .type = integer},
    ColumnInfo{.name = "metaverse_id", .type = integer, .nullable = true},
    ColumnInfo{.name = "link_rule", .type = integer},
    ColumnInfo{.name = "observed_hash", .type = blob, .nullable = true},
    ColumnInfo{.name = "desired", .type = integer},
    ColumnInfo{.name = "pending", .type = integer},
    ColumnInfo{.name = "pending_references", .type = integer},
    ColumnInfo{.name = "touched", .type = integer},
};

constexpr std::array k_connector_image{
    ColumnInfo{.name = "object_id", .type = integer, .key = true},
    ColumnInfo{.name = "observed", .type = blob, .nullable = true},
    ColumnInfo{.name = "desired", .type = blob, .nullable = true},
    ColumnInfo{.name = "sent", .type = blob, .nullable = true},
    ColumnInfo{.name = "shadow", .type = blob, .nullable = true},
};

constexpr std::array k_connector_object_key{
    ColumnInfo{.name = "key", .type = blob, .key = true},
    ColumnInfo{.name = "attribute_id", .type = integer, .key = true},
    ColumnInfo{.name = "object_id", .type = integer, .key = true},
};

constexpr std::array k_connector_reference{
    ColumnInfo{.name = "object_id", .type = integer, .key = true},
    ColumnInfo{.name = "attribute_id", .type = integer, .key = true},
    ColumnInfo{.name = "target_id", .type = integer, .key = true},
    ColumnInfo{.name = "bits", .type = integer},
    ColumnInfo{.name = "pending", .type = integer},
};

constexpr std::array k_touched_reference{
    ColumnInfo{.name = "object_id", .type = integer, .key = true},
    ColumnInfo{.name = "attribute_id", .type = integer, .key = true},
    ColumnInfo{.name = "target_id", .type = integer, .key = true},
};

constexpr std::array k_metaverse_object{
    ColumnInfo{.name = "id", .type = integer, .key = true},
    ColumnInfo{.name = "type", .type = integer},
    ColumnInfo{.name = "touched", .type = integer},
    ColumnInfo{.name = "image", .type = blob},
    ColumnInfo{.name = "lineage", .type = blob},
};

constexpr std::array k_metaverse_key{
    ColumnInfo{.name = "key", .type = blob, .key = true},
    ColumnInfo{.name = "attribute_id", .type = integer, .key = true},
    ColumnInfo{.name = "metaverse_id", .type = integer, .key = true},
};

constexpr std::array k_object_error{
    ColumnInfo{.name = "object_id", .type = integer, .key = true},
    ColumnInfo{.name = "stage", .type = text, .key = true},
    ColumnInfo{.name = "error", .type = text},
    ColumnInfo{.name = "message", .type = text},
    ColumnInfo{.name = "first_at", .type = integer},
    ColumnInfo{.name = "last_at", .type = integer},
    ColumnInfo{.name = "count", .type = integer},
    ColumnInfo{.name = "retry_at", .type = integer},
    ColumnInfo{.name = "quarantined", .type = integer},
};

constexpr std::array k_counter{
    ColumnInfo{.name = "connector_id", .type = integer, .key = true},
    ColumnInfo{.name = "kind", .type = text, .key = true},
    ColumnInfo{.name = "value", .type = integer},
};

constexpr std::array k_run{
    ColumnInfo{.name = "id", .type = integer, .key = true},
    ColumnInfo{.name = "profile", .type = text},
    ColumnInfo{.name = "host", .type = text},
    ColumnInfo{.name = "result", .type = text},
    ColumnInfo{.name = "started_at", .type = integer},
    ColumnInfo{.name = "ended_at", .type = integer},
};

constexpr std::array k_run_step{
    ColumnInfo{.name = "run_id", .type = integer, .key = true},
    ColumnInfo{.name = "position", .type = integer, .key = true},
    ColumnInfo{.name = "name", .type = text},
    ColumnInfo{.name = "result", .type = text},
    ColumnInfo{.name = "started_at", .type = integer},
    ColumnInfo{.name = "ended_at", .type = integer},
    ColumnInfo{.name = "message", .type = text},
};

constexpr std::array k_run_counter{
    ColumnInfo{.name = "run_id", .type = integer, .key = true},
    ColumnInfo{.name = "step_position", .type = integer, .key = true},
    ColumnInfo{.name = "position", .type = integer, .key = true},
    ColumnInfo{.name = "name", .type = text},
    ColumnInfo{.name = "value", .type = integer},
};

constexpr std::array k_tables{
    TableInfo{.name = "linkspan_database", .columns = k_linkspan_database, .copying = Copying::identity},
    TableInfo{.name = "sequence", .columns = k_sequence},
    TableInfo{.name = "lease", .columns = k_lease, .copying = Copying::lease},
    TableInfo{.name = "name", .columns = k_name},
    TableInfo{.name = "connector", .columns = k_connector},
    TableInfo{.name = "connector_secret", .columns = k_connector_secret},
    TableInfo{.name = "sync_rule", .columns = k_sync_rule},
    TableInfo{.name = "setting", .columns = k_setting},
    TableInfo{.name = "watermark", .columns = k_watermark},
    TableInfo{.name = "connector_object", .columns = k_connector_object},
    TableInfo{.name = "connector_image", .columns = k_connector_image},
    TableInfo{.name = "connector_object_key", .columns = k_connector_object_key},
    TableInfo{.name = "connector_reference", .columns = k_connector_reference},
    TableInfo{.name = "touched_reference", .columns = k_touched_reference},
    TableInfo{.name = "metaverse_object", .columns = k_metaverse_object},
    TableInfo{.name = "metaverse_key", .columns = k_metaverse_key},
    TableInfo{.name = "object_error", .columns = k_object_error},
    TableInfo{.name = "counter", .columns = k_counter},
    TableInfo{.name = "run", .columns = k_run},
    TableInfo{.name = "run_step", .columns = k_run_step},
    TableInfo{.name = "run_counter", .columns = k_run_counter},
};

}  // namespace

std::span<const TableInfo> all_tables() { return k_tables; }

}  // namespace linkspan::store_sql
