#pragma once
// What `connector add` and `connector account create` share.

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/session.h"
#include "setup/accounts.h"

namespace linkspan::cli {

/// --administrator, --account, --right.
[[nodiscard]] std::vector<Argument> account_arguments();

/// The order that these make; asks for the administrator's password where --secret-file or --secret-env has none.
/// Throws Fault::invalid "cli.usage".
[[nodiscard]] connector::AccountOrder account_order(const Arguments& arguments);

/// Says what an administrator is to do in a browser; to standard error, so that what --json prints stays whole.
void show_sign_in(Output& out, const connector::SignInPrompt& prompt);

/// Prints what was made; answers the exit status.
int report_account(Session& session, const std::string& connector, const setup::NewAccount& made);

}  // namespace linkspan::cli
