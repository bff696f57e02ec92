"""bench/run connectors: what reading a directory costs beside the directory's own tool that reads the same."""
import base64
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess

from tools import ROOT, WORK, Report, Timed, call, environment_of, median


class Directory:
    """A server of lab/, and how it is searched and changed by its own tools."""

    def __init__(self, script, folder, *loads):
        self.script = ROOT / "lab" / script
        self.folder = folder
        call(self.script, "up", folder, *loads, stdout=subprocess.DEVNULL)
        self.lab = environment_of(folder)

    def remove(self):
        call(self.script, "remove", self.folder, stdout=subprocess.DEVNULL)

    def search(self, url, account, password_file, base, *words):
        return Timed(["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", url, "-D", account, "-y", password_file, "-b", base, *words],
                     env=self.environment())

    def change(self, url, account, password_file, ldif):
        call("ldapmodify", "-x", "-c", "-H", url, "-D", account, "-y", password_file, input=ldif, text=True, stdout=subprocess.DEVNULL,
             env=self.environment())

    def environment(self):
        return os.environ | {"LDAPTLS_CACERT": self.lab.get("LAB_AD_CA", self.lab.get("LAB_LDAP_CA", ""))}


class Windows:
    """tests/testkit/windows_service for as long as the block lasts."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url, self.ca_file, self.account, password, self.base = (self.process.stdout.readline().strip() for _ in range(5))
        self.password_file = WORK / "windows-password"
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(password)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.password_file.unlink()

    def ask(self, question):
        print(question, file=self.process.stdin, flush=True)
        return [line for line in iter(lambda: self.process.stdout.readline().strip(), ".")]

    def busy(self):
        return int(self.ask("busy")[0]) / 1e6


class Connectors(Report):
    def __init__(self, arguments):
        self.people = arguments.people
        self.runs = arguments.runs
        self.binary = pathlib.Path(arguments.binary)
        self.servers = []

    def run(self):
        self.openldap()
        self.active_directory()
        for members in (self.people // 10 * 4, self.people * 4):
            self.large_group(members)
        self.scim()

    def stop(self):
        for server in self.servers:
            server.remove()

    def begin(self, *words):
        server = Directory(*words)
        self.servers.append(server)
        return server

    def linkspan(self, state, *words):
        return [self.binary, "--config", state / "linkspan.toml", "--state-dir", state, *words]

    def fresh_state(self, kind, settings, password_file):
        state = WORK / "state"
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir(parents=True, mode=0o700)
        (state / "linkspan.toml").touch()  # so that this machine's own configuration is not taken
        call(*self.linkspan(state, "database", "create"), stdout=subprocess.DEVNULL)
        options = [word for setting in settings for word in ("--set", setting)]
        call(*self.linkspan(state, "connector", "add", "corp", "--kind", kind, *options, "--secret-file", f"password={password_file}"),
             stdout=subprocess.DEVNULL)
        return state

    def compare(self, what, ours, theirs, limit):
        ratio = statistics.median(one.wall / other.wall for one, other in zip(ours, theirs))
        self.say(what, f"{ratio:.2f} ({median(ours, 'wall'):.2f} s / {median(theirs, 'wall'):.2f} s)", limit)

    def full(self, what, kind, settings, password_file, search, limit):
        search()  # what the server keeps in memory afterwards is there for both
        searches, imports = [], []
        for _ in range(self.runs):
            searches.append(search())
            state = self.fresh_state(kind, settings, password_file)
            imports.append(Timed(self.linkspan(state, "import", "corp", "--full")))
        self.compare(f"{what}: full import / paged ldapsearch", imports, searches, limit)
        return state

    def openldap(self):
        ldif = WORK / f"organisation-{self.people}.ldif"
        if not ldif.exists():
            call(ROOT / "lab/organisation.py", "--people", self.people, "--groups", 20, "--output", ldif)
        server = self.begin("slapd.sh", WORK / "ldap", ldif)
        lab = server.lab
        reads = (lab["LAB_LDAP_URL"], lab["LAB_LDAP_BIND_DN"], lab["LAB_LDAP_PASSWORD_FILE"], lab["LAB_LDAP_BASE"])
        people = ("(objectClass=inetOrgPerson)", "*", "entryUUID")
        state = self.full(f"OpenLDAP, {self.people:,} people", "ldap",
                          [f"url={reads[0]}", f"bind_dn={reads[1]}", f"base={reads[3]}", "object_types=inetOrgPerson"], reads[2],
                          lambda: server.search(*reads, "-E", "pr=1000/noprompt", *people), "at most 1")
        refreshes, searches = [], []
        for round_number in range(self.runs):
            csn = re.search(r"contextCSN: (\S+)", server.search(*reads, "-s", "base", "contextCSN").out).group(1)
            found = server.search(*reads, "-E", "pr=1000/noprompt", "(objectClass=inetOrgPerson)", "1.1").out
            changed = re.findall(r"^dn:: ?(.*)$|^dn: (.*)$", found, re.M)[:1000]
            names = [base64.b64decode(coded).decode() if coded else plain for coded, plain in changed]
            write = (reads[0], lab["LAB_LDAP_ADMIN_DN"], lab["LAB_LDAP_ADMIN_PASSWORD_FILE"])
            server.change(*write, "\n".join(
                f"dn:: {base64.b64encode(name.encode()).decode()}\nchangetype: modify\nreplace: title\ntitle: title {round_number}\n"
                for name in names))
            searches.append(server.search(*reads, "-E", f"sync=ro/rid=001,csn={csn}", *people))
            refreshes.append(Timed(self.linkspan(state, "import", "corp")))
        self.compare(f"OpenLDAP, {len(names):,} people changed: refresh / ldapsearch -E sync", refreshes, searches, "at most 1")

    def active_directory(self):
        people = max(self.people // 20, 100)
        server = self.begin("samba.sh", WORK / "dc")
        lab = server.lab
        reads = (lab["LAB_AD_LDAPS_URL"], lab["LAB_AD_ADMIN"], lab["LAB_AD_ADMIN_PASSWORD_FILE"], lab["LAB_AD_BASE"])
        container = f"OU=People,{reads[3]}"
        names = [f"CN=person {number},{container}" for number in range(people)]
        server.change(*reads[:3], f"dn: {container}\nchangetype: add\nobjectClass: organizationalUnit\n\n" + "\n".join(
            f"dn: {name}\nchangetype: add\nobjectClass: user\nsAMAccountName: p{number}\ndisplayName: Person {number}\nsn: {number}\n"
            for number, name in enumerate(names)))
        settings = [f"url={reads[0]}", f"account={reads[1]}", f"ca_file={lab['LAB_AD_CA']}", f"containers={container}"]
        state = self.full(f"Samba AD, {people:,} people", "ad", settings, reads[2],
                          lambda: server.search(*reads[:3], container, "-E", "pr=1000/noprompt", "(objectClass=user)"), "at most 1.1")
        deltas, searches = [], []
        for round_number in range(self.runs):
            # 0x80000000: single values of links, as the connector asks.
            asked = server.search(*reads, "-E", "!dirSync=-2147483648/1048576", "(&(objectClass=user)(!(objectClass=user)))")
            cookie = re.search(r"^# cookie:: (\S+)", asked.out, re.M).group(1)
            server.change(*reads[:3], "\n".join(f"dn: {name}\nchangetype: modify\nreplace: title\ntitle: title {round_number}\n"
                                                for name in names[:people // 10]))
            searches.append(server.search(*reads, "-E", f"!dirSync=-2147483648/1048576/{cookie}"))
            deltas.append(Timed(self.linkspan(state, "import", "corp")))
        self.compare(f"Samba AD, {people // 10:,} people changed: DirSync / ldapsearch -E dirSync", deltas, searches, "at most 1.1")

    def large_group(self, members):
        """One member of a large group, by DirSync from the Windows-like directory of tests/testkit."""
        with Windows(self.binary.parent.parent.parent / "tests/testkit/windows_service") as windows:
            windows.ask("ou crew")
            windows.ask(f"crowd crew crew {members}")
            state = self.fresh_state("ad", [f"url={windows.url}", f"account={windows.account}", f"ca_file={windows.ca_file}",
                                            f"containers=OU=crew,{windows.base}"], windows.password_file)
            call(*self.linkspan(state, "rule", "import", ROOT / "bench/large-group.toml"), stdout=subprocess.DEVNULL)
            call(*self.linkspan(state, "import", "corp", "--full"), stdout=subprocess.DEVNULL)
            call(*self.linkspan(state, "sync", "--full"), stdout=subprocess.DEVNULL)
            nothing = [self.steps(windows, state) for _ in range(self.runs)]
            deeds = []
            for round_number in range(self.runs):
                windows.ask(f"{'in' if round_number % 2 else 'out'} crew crew 7")
                deeds.append(self.steps(windows, state))
            self.say(f"one member of {members:,}: import and synchronization, without the server's own time",
                     ", ".join(f"{what} {statistics.median(one[0] for one in steps) * 1000:,.0f} ms"
                               f" ({statistics.median(one[1] for one in steps) * 1000:,.0f} ms of processor)"
                               for what, steps in (("changed", deeds), ("nothing changed", nothing)))
                     + f", {max(one[2] for one in deeds):,.0f} MiB", "under 300 ms; no more memory for ten times the members")

    def steps(self, windows, state):
        """A delta import and a delta synchronization: seconds besides the server's own, processor seconds, peak memory."""
        before = windows.busy()
        steps = [Timed(self.linkspan(state, "import", "corp")), Timed(self.linkspan(state, "sync"))]
        return sum(one.wall for one in steps) - (windows.busy() - before), sum(one.cpu for one in steps), max(one.peak for one in steps)

    def scim(self):
        bench = self.binary.parent.parent / "connector_scim/connector_scim_bench"
        run = Timed([bench, "--benchmark_filter=Creates", "--benchmark_format=json"])
        for race in json.loads(run.out)["benchmarks"]:
            at_once = race["name"].split("/")[1]
            self.say(f"SCIM, {at_once} requests at once: creates by the connector / bare, in turn",
                     f"{race['ratio']:.2f} ({race['connector_per_second']:,.0f}/s / {race['bare_per_second']:,.0f}/s; "
                     f"{race['connector_cpu'] * 1e6:.0f} us / {race['bare_cpu'] * 1e6:.0f} us of processor each)", "at least 0.9")
