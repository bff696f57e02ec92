"""Setup at a pseudo-terminal: leaves once, which changes nothing, then goes through express mode.

usage: setup_terminal.py PATH/TO/linkspan FOLDER      the lab's env files are FOLDER/ldap/env.sh and FOLDER/scim/env.sh
"""
import os
import pathlib
import pty
import re
import select
import signal
import sys
import time

PROGRAM, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
STATE = FOLDER / "terminal"
PATIENCE = 60


def environment() -> dict[str, str]:
    found = {}
    for name in ("ldap", "scim"):
        found |= dict(re.findall(r"export (\w+)='(.*)'", (FOLDER / name / "env.sh").read_text()))
    return found


class Session:
    """The program at a terminal of its own."""

    def __init__(self, *arguments: str):
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.execv(PROGRAM, [PROGRAM, "--config", f"{STATE}/linkspan.toml", "--state-dir", str(STATE), *arguments])
        self.seen = ""

    def expect(self, text: str) -> None:
        """Waits until `text` is on the screen, and forgets all up to it."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            ready, _, _ = select.select([self.file], [], [], max(0, end - time.monotonic()))
            try:
                part = os.read(self.file, 65536) if ready else b""
            except OSError:  # the other side has ended
                part = b""
            if not part:
                os.kill(self.pid, signal.SIGKILL)
                sys.exit(f"never said: {text!r}; the screen: {self.seen!r}")
            sys.stdout.write(part.decode())
            self.seen += part.decode()
        self.seen = self.seen.split(text, 1)[1]

    def answer(self, question: str, text: str) -> None:
        self.expect(question)
        os.write(self.file, text.encode() + b"\n")

    def end(self) -> int:
        try:
            while part := os.read(self.file, 65536):
                sys.stdout.write(part.decode())
                self.seen += part.decode()
        except OSError:
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


lab = environment()

leaving = Session("setup")
leaving.answer("privacy notice", "y")
leaving.answer("How to set up", "exit")
leaving.expect("Nothing was changed")
assert leaving.end() == 1
assert not STATE.exists(), "leaving has changed something"

wizard = Session("setup", "--accept-license")
wizard.answer("privacy notice", "")
wizard.answer("How to set up", "express")
wizard.answer("Kind", "ldap")
wizard.answer("Name for it", "northquay")
wizard.expect("\nurl [")
os.write(wizard.file, (lab["LAB_LDAPS_URL"] + "\n\n").encode())
wizard.answer("\nca_file ", lab["LAB_LDAP_CA"])
wizard.answer("\nbind_dn ", lab["LAB_LDAP_BIND_DN"])
wizard.answer("\r\npassword: ", "wrong-Qu4y")
wizard.answer("More settings?", "n")
wizard.expect("✗")  # tried for real
wizard.answer("try, back or exit:", "change")
wizard.expect("\nurl [")
os.write(wizard.file, b"\n")
wizard.answer("\nca_file ", "")
wizard.answer("\nbind_dn ", "")
wizard.answer("\r\npassword [as entered]: ", pathlib.Path(lab["LAB_LDAP_PASSWORD_FILE"]).read_text().strip())
wizard.answer("More settings?", "n")
wizard.expect("✓")
wizard.answer("[next]:", "")
wizard.answer("Kind", "scim")
wizard.answer("Name for it", "cloud")
wizard.answer("\nurl: ", lab["LAB_SCIM_URL"])
wizard.answer("\nca_file: ", "")
wizard.answer("\r\ntoken: ", pathlib.Path(lab["LAB_SCIM_TOKEN_FILE"]).read_text().strip())
wizard.answer("More settings?", "n")
wizard.answer("[next]:", "")
wizard.answer("staging mode", "")
wizard.answer("Start synchronization", "")
wizard.answer("Time between cycles", "15m")
wizard.answer("Address and port", "127.0.0.1:0")
wizard.expect("What Install does")
wizard.answer("Install?", "y")
wizard.expect("Synchronize now")
assert wizard.end() == 0
assert (STATE / "linkspan.toml").exists() and (STATE / "key_set").exists()
