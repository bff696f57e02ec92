#!/usr/bin/env python3
"""unburied.py COMMAND...: runs it, adopts what it leaves behind, and waits for none of that: what is killed stays a
zombie, as under the first process of many a container. Exit status: the command's. Linux prctl(2), PR_SET_CHILD_SUBREAPER."""
import ctypes
import subprocess
import sys

PR_SET_CHILD_SUBREAPER = 36

if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
    sys.exit("unburied.py: prctl: %d" % ctypes.get_errno())
sys.exit(subprocess.call(sys.argv[1:]))
