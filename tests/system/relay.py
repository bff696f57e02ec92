#!/usr/bin/env python3
"""A TCP relay on loopback whose connections can be made to die.

    relay.py PORT_OF_THE_SERVER FILE

Prints its own port. While FILE is there it says after how many bytes from the server a connection dies.
"""

import os
import socket
import sys
import threading


def pump(source, sink, limit):
    """Carries bytes until either side ends, or `limit` of them are through."""
    done = 0
    try:
        while data := source.recv(65536):
            if limit is not None and done + len(data) > limit:
                break
            done += len(data)
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, port, limit):
    with client, socket.create_connection(("127.0.0.1", port)) as server:
        up = threading.Thread(target=pump, args=(client, server, None), daemon=True)
        up.start()
        pump(server, client, limit)
        up.join()


def main():
    port, limits = int(sys.argv[1]), sys.argv[2]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            client, _ = listener.accept()
            limit = None
            if os.path.exists(limits):
                with open(limits, encoding="ascii") as file:
                    limit = int(file.read())
            threading.Thread(target=serve, args=(client, port, limit), daemon=True).start()


main()
