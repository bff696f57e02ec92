#pragma once
// Configuration as the rooms above see it.

#include "sync/configuration.h"

namespace linkspan::run {

using sync::parse_settings;
using sync::print_settings;

}  // namespace linkspan::run
