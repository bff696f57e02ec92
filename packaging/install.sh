# shellcheck shell=bash
# Installs the Debian packages of a list, and only those that are missing. Sourced by ./quickstart and ./test.
#
#   . packaging/install.sh
#   install_packages packaging/build-packages.txt packaging/test-packages.txt
#
# Works as root or by sudo, asks nothing. Servers that come along (slapd, postgresql, samba) are not started and not enabled;
# those that the machine had before are left as they are.

# as_root COMMAND...: directly, or by sudo.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# True when there is a node of version 18 or later with npm: another source's package, which Debian's npm would fight with.
has_own_node() {
  command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node, 10) >= 18 ? 0 : 1)' 2>/dev/null
}

# missing_packages LIST...: prints the names that are not installed.
missing_packages() {
  local name
  sed 's/#.*//' "$@" | tr -s ' \t' '\n' | sort -u | while read -r name; do
    case $name in
      '') continue ;;
      nodejs | npm) ! has_own_node || continue ;;
    esac
    is_installed "$name" || printf '%s\n' "$name"
  done
}

# Waits for another apt or dpkg instead of failing at once.
apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

# update_lists: a few tries, since a list may be locked or a mirror busy.
update_lists() {
  local try
  for try in 1 2 3; do
    if apt_get update >"$APT_LOG" 2>&1; then return 0; fi
    sleep $((try * 5))
  done
  tail -n 5 "$APT_LOG" >&2
  echo "apt-get update failed three times; trying with the lists as they are" >&2
}

# True when apt's lists know every one of these packages.
are_known() {
  local name
  for name in "$@"; do
    apt-cache policy "$name" 2>/dev/null | grep -q 'Candidate: [^(]' || return 1
  done
}

# What keeps packages from starting servers while they are installed; undone by let_services_start.
POLICY=/usr/sbin/policy-rc.d
POLICY_MARK='linkspan: no services while packages are installed'
CLUSTER=/etc/postgresql-common/createcluster.d/linkspan-install.conf

hold_services() {
  # Left by a run that was killed, or none: ours. Anybody else's stays and rules.
  if [ ! -e "$POLICY" ] || grep -qF "$POLICY_MARK" "$POLICY"; then
    printf '#!/bin/sh\n# %s\nexit 101\n' "$POLICY_MARK" | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
  fi
  local name
  for name in "$@"; do
    case $name in
      slapd)
        # Otherwise its installation makes a database of the machine's domain under /var/lib/ldap.
        echo 'slapd slapd/no_configuration boolean true' | as_root debconf-set-selections
        ;;
      postgresql-15)
        is_installed postgresql-common && continue
        as_root mkdir -p "${CLUSTER%/*}"
        echo 'create_main_cluster = false' | as_root tee "$CLUSTER" >/dev/null
        ;;
    esac
  done
}

let_services_start() {
  if grep -qsF "$POLICY_MARK" "$POLICY"; then as_root rm -f "$POLICY"; fi
  [ ! -e "$CLUSTER" ] || as_root rm -f "$CLUSTER"
}

# A newly installed server would be started at the next boot.
disable_services() {
  local name service services=()
  for name in "$@"; do
    case $name in
      slapd | patroni) services+=("$name") ;;
      postgresql-15) services+=(postgresql) ;;
      etcd-server) services+=(etcd) ;;
      samba-ad-dc) services+=(samba-ad-dc smbd nmbd winbind) ;; # what it brings along
    esac
  done
  for service in "${services[@]}"; do
    as_root update-rc.d "$service" disable >/dev/null 2>&1 || true
    if command -v systemctl >/dev/null; then as_root systemctl disable --quiet "$service" >/dev/null 2>&1 || true; fi
  done
}

# install_packages LIST...: nothing to do is silent.
install_packages() {
  local missing try
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    echo "This is not Debian. Install what these stand for, then try again: ${missing[*]}" >&2
    return 1
  fi
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    printf 'These packages are missing, and there is no sudo to install them with. As root:\n  apt-get install --no-install-recommends %s\n' "${missing[*]}" >&2
    return 1
  fi
  echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  APT_LOG=$(mktemp)
  (
    trap 'let_services_start; rm -f "$APT_LOG"' EXIT
    trap 'exit 130' INT TERM HUP
    are_known "${missing[@]}" || update_lists
    hold_services "${missing[@]}"
    for try in 1 2 3; do
      if apt_get install --no-install-recommends "${missing[@]}" >"$APT_LOG" 2>&1 </dev/null; then
        disable_services "${missing[@]}"
        exit 0
      fi
      [ "$try" -eq 3 ] || { echo "apt-get install failed, trying again"; update_lists; }
    done
    tail -n 20 "$APT_LOG" >&2
    echo "These packages could not be installed: ${missing[*]}" >&2
    exit 1
  )
}
