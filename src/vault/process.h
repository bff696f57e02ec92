#pragma once
// What a process that holds secrets does before it reads the first one.

namespace linkspan::vault {

/// No core dumps, no ptrace or /proc/PID/mem by other processes of the same user, libsodium ready. Call once, first in
/// main. Throws "vault.harden" (unavailable) when the system refuses, "vault.sodium" when libsodium cannot start.
void harden_process();

}  // namespace linkspan::vault
