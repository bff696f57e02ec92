#pragma once
// One function per noun, each in a file of its own.

#include "cli/command.h"

namespace linkspan::cli {

[[nodiscard]] Commands register_commands();     // connector register
[[nodiscard]] Commands probe_commands();        // connector probe
[[nodiscard]] Commands account_commands();      // connector account create|check
[[nodiscard]] Commands backup_commands();       // database backup|restore
[[nodiscard]] Commands config_commands();       // config show|export|diff
[[nodiscard]] Commands connector_commands();    // connector list|add|edit|test|credentials|schema|remove
[[nodiscard]] Commands database_commands();     // database info|create|schema
[[nodiscard]] Commands doctor_commands();       // doctor
[[nodiscard]] Commands expression_commands();   // expr
[[nodiscard]] Commands history_commands();      // history
[[nodiscard]] Commands key_commands();          // key list|create|rotate|export|import|abandon
[[nodiscard]] Commands maintenance_commands();  // database upgrade|prune
[[nodiscard]] Commands object_commands();       // object show|search
[[nodiscard]] Commands pending_commands();      // pending
[[nodiscard]] Commands preview_commands();      // preview
[[nodiscard]] Commands rule_commands();         // rule list|show|check|import|export
[[nodiscard]] Commands run_commands();          // run, import, sync, export
[[nodiscard]] Commands service_commands();      // staging, service pause|resume
[[nodiscard]] Commands setup_commands();        // setup
[[nodiscard]] Commands status_commands();       // status
[[nodiscard]] Commands transfer_commands();     // database copy|attach|move|verify

/// bash, zsh and fish scripts from the list itself.
[[nodiscard]] Commands completion_commands(const Commands& all);

}  // namespace linkspan::cli
