#!/usr/bin/env python3
"""A TCP relay on loopback whose connections can be made to die.

    relay.py PORT_OF_THE_SERVER FILE

Prints its own port. While FILE is there its words say what happens to connections:

    N            after N bytes from the server a connection dies
    to N         the same, after N bytes to the server
    now          every connection dies
    ... swallow  it does not die: it stays, and nothing is passed on any more, in either direction
    ... stall    the same, and nothing is even taken any more; it dies once FILE no longer says so

N counts from the moment at which the connection was made, and is that of the file at that moment.
"""

import select
import socket
import sys
import threading
import time

BUFFER = 65536


class Fate:
    """What FILE says."""

    def __init__(self, path):
        self.path = path

    def words(self):
        try:
            with open(self.path, encoding="ascii") as file:
                return file.read().split()
        except FileNotFoundError:
            return []


class Link:
    """One connection, both ways."""

    def __init__(self, client, server, fate):
        self.ends = {client: server, server: client}
        self.server = server
        self.fate = fate
        words = fate.words()
        numbers = [int(word) for word in words if word.isdigit()]
        self.left = numbers[0] if numbers else None
        self.counts_up = "to" in words
        self.silent = False

    def meets_its_end(self, size, up):
        """Whether that many bytes, on their way up to the server or down, are more than may pass."""
        if "now" in self.fate.words():
            return True
        if self.left is None or up != self.counts_up:
            return False
        self.left -= size
        return self.left < 0

    def run(self):
        while True:
            ready, _, _ = select.select(self.ends, [], [], 0.05)
            if self.silent:
                if not ready:
                    continue
            elif not ready and "now" in self.fate.words() and not self.hush():
                return
            for end in ready:
                data = end.recv(BUFFER)
                if not data:
                    return
                if self.silent:
                    continue
                if self.meets_its_end(len(data), end is not self.server) and not self.hush():
                    return
                if not self.silent:
                    self.ends[end].sendall(data)

    def hush(self):
        """True if it stays and is silent from now on; a stalled one is held up here."""
        while "stall" in self.fate.words():
            time.sleep(0.05)
        self.silent = "swallow" in self.fate.words()
        return self.silent


def serve(client, port, fate):
    try:
        with client, socket.create_connection(("127.0.0.1", port)) as server:
            Link(client, server, fate).run()
    except OSError:
        pass


def main():
    port, fate = int(sys.argv[1]), Fate(sys.argv[2])
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client, port, fate), daemon=True).start()


main()
