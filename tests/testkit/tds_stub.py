#!/ usr / bin / env python3
"""A server on loopback that speaks TDS 7.4 ([MS-TDS]) as far as a test's script goes.

    tds_stub.py FOLDER <script.json

FOLDER takes a certificate of its own (ca.pem, which is the server's as well) and requests.jsonl, a line for each
request. The port is printed when it listens. It ends with its standard input's writer, or by a signal.

The script, all of it optional:
    encryption  "none", "login" (sign-in only, whatever the client asks for) or "full" (as the client asks)
    names       what the certificate is for, as openssl takes it: "DNS:localhost"
    login       {"error": ERROR} refuses everybody; {"hang": true} never answers; {"close": true} hangs up
    database    the database everybody is in; without it, the one they ask for
    answers     rules, of which the first that fits a request's text counts
A rule:
    match       a regular expression, searched in the text of a batch or a call, or in "#begin", "#commit", "#rollback"
    times       how often it may count; without it, always
    columns     ["name:type", ...]; types int, bigint, bit, nvarchar, varbinary (values in hex)
    rows        [[value, ...], ...]
    count       rows affected
    error       ERROR: {"number": 1205, "class": 13, "state": 1, "message": "..."}
    close       true: hangs up instead of answering; "middle": after the first half of the answer
    hang        true: never answers
A request without a rule is answered with "done, no rows"; the question what the server is, with an answer of its own.
"""

import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading

#Packet types, [MS - TDS] 2.2.3.1.1
BATCH, RPC, REPLY, ATTENTION, BULK, TRANSACTION, LOGIN, PRELOGIN = 0x01, 0x03, 0x04, 0x06, 0x07, 0x0E, 0x10, 0x12
LAST = 0x01
NOT_SUPPORTED = 2
COLLATION = bytes([0x09, 0x04, 0xD0, 0x00, 0x34])  # Latin1_General_CI_AS
PROCEDURES = {10: "sp_executesql", 11: "sp_prepare", 12: "sp_execute", 13: "sp_prepexec", 15: "sp_unprepare"}
WHO = {
    "match": r"SERVERPROPERTY\('ProductVersion'\)",
    "columns": ["version:nvarchar", "edition:nvarchar", "babelfish:nvarchar", "database:nvarchar"],
}


def text8(text):
    return bytes([len(text)]) + text.encode("utf-16-le")


def text16(text):
    return struct.pack("<H", len(text)) + text.encode("utf-16-le")

#Tokens, [MS - TDS] 2.2.7


def env_change(kind, new, old=b"\0"):
    body = bytes([kind]) + new + old
    return b"\xe3" + struct.pack("<H", len(body)) + body


def message(token, number, text, state=1, severity=10):
    body = struct.pack("<iBB", number, state, severity) + text16(text) + text8("STUB") + text8("") + struct.pack("<i", 1)
    return bytes([token]) + struct.pack("<H", len(body)) + body


def error(rule):
    return message(0xAA, rule["number"], rule.get("message", "the stub says so"), rule.get("state", 1),
                   rule.get("class", 16))


def done(token=0xFD, status=0, count=None):
    return bytes([token]) + struct.pack("<HHQ", status | (0 if count is None else 0x10), 0, count or 0)


def login_ack():
    body = b"\x01" + struct.pack(">I", 0x74000004) + text8("Microsoft SQL Server") + bytes([15, 0, 7, 208])
    return b"\xad" + struct.pack("<H", len(body)) + body


TYPES = {
    "int": b"\x26\x04",
    "bigint": b"\x26\x08",
    "bit": b"\x68\x01",
    "nvarchar": b"\xe7" + struct.pack("<H", 8000) + COLLATION,
    "varbinary": b"\xa5" + struct.pack("<H", 8000),
}


def column(name, kind):
    return struct.pack("<IH", 0, 0x0009) + TYPES[kind] + text8(name)  # nullable, updatable


def cell(kind, value):
    if kind in ("int", "bigint", "bit"):
        size = {"int": 4, "bigint": 8, "bit": 1}[kind]
        return b"\0" if value is None else bytes([size]) + int(value).to_bytes(size, "little", signed=kind != "bit")
    if value is None:
        return b"\xff\xff"
    data = value.encode("utf-16-le") if kind == "nvarchar" else bytes.fromhex(value)
    return struct.pack("<H", len(data)) + data


def result_set(rule):
    columns = [one.rsplit(":", 1) for one in rule["columns"]]
    out = b"\x81" + struct.pack("<H", len(columns)) + b"".join(column(name, kind) for name, kind in columns)
    for row in rule.get("rows", []):
        out += b"\xd1" + b"".join(cell(kind, value) for (_, kind), value in zip(columns, row))
    return out


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        if self.at + size > len(self.data):
            raise ValueError("short")
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "little")

    def left(self):
        return len(self.data) - self.at

    def chunks(self):  # PLP, [MS-TDS] 2.2.5.2.3
        if self.number(8) == 0xFFFFFFFFFFFFFFFF:
            return None
        out = b""
        while size := self.number(4):
            out += self.take(size)
        return out

    def parameter(self):
        """A parameter of a call: its value as JSON can hold it."""
        self.take(2 * self.number(1))  # its name
        self.take(1)
        kind = self.number(1)
        if kind in (0x26, 0x68, 0x6D, 0x6E, 0x6F, 0x24):  # INTN, BITN, FLTN, MONEYN, DATETIMN, GUID
            self.take(1)
            data = self.take(self.number(1))
            return None if not data else int.from_bytes(data, "little", signed=True) if kind == 0x26 else data.hex()
        if kind in (0xE7, 0xEF, 0xA7, 0xAF, 0xA5, 0xAD):  # N(VAR)CHAR, (VAR)CHAR, (VAR)BINARY
            longest = self.number(2)
            if kind not in (0xA5, 0xAD):
                self.take(5)
            if longest == 0xFFFF:
                data = self.chunks()
            else:
                size = self.number(2)
                data = None if size == 0xFFFF else self.take(size)
            if data is None:
                return None
            return data.decode("utf-16-le") if kind in (0xE7, 0xEF) else data.hex()
        if kind in (0x63, 0x23, 0x22):  # NTEXT, TEXT, IMAGE
            self.take(4 if kind == 0x22 else 9)
            size = self.number(4)
            if size == 0xFFFFFFFF:
                return None
            data = self.take(size)
            return data.decode("utf-16-le") if kind == 0x63 else data.hex()
        if kind in (0x6A, 0x6C):  # DECIMALN, NUMERICN
            self.take(3)
            return self.take(self.number(1)).hex()
        if kind in (0x29, 0x2A, 0x2B):  # TIME, DATETIME2, DATETIMEOFFSET
            self.take(1)
        elif kind != 0x28:  # DATE
            raise ValueError(f"type {kind:#x}")
        return self.take(self.number(1)).hex()


class HungUp(Exception):
    pass


class Session:
    """One connection, from PRELOGIN to its end."""

    def __init__(self, stub, connection):
        self.stub, self.socket = stub, connection
        self.tls = None
        self.wrapped = False  # TLS records travel in PRELOGIN packets
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.handles = {}
        self.database = ""

#Bytes

    def receive(self, size):
        out = b""
        while len(out) < size:
            if self.tls is None or self.wrapped:
                part = self.socket.recv(size - len(out))
                if not part:
                    raise HungUp
            else:
                part = self.decrypt(size - len(out))
            out += part
        return out

    def decrypt(self, size):
        while True:
            try:
                part = self.tls.read(size)
                if not part:
                    raise HungUp
                return part
            except ssl.SSLWantReadError:
                data = self.socket.recv(65536)
                if not data:
                    raise HungUp from None
                self.incoming.write(data)

    def send(self, data):
        if self.tls is not None and not self.wrapped:
            self.tls.write(data)
            data = self.outgoing.read()
        self.socket.sendall(data)

    def packet(self):
        """The next message: its type, and the payload of all its packets."""
        payload = b""
        while True:
            kind, status, size = struct.unpack(">BBH4x", self.receive(8))
            payload += self.receive(size - 8)
            if status & LAST:
                return kind, payload

    def reply(self, payload, kind=REPLY):
        room = 4096 - 8
        parts = [payload[i:i + room] for i in range(0, len(payload), room)] or [b""]
        for i, part in enumerate(parts):
            last = LAST if i == len(parts) - 1 else 0
            self.send(struct.pack(">BBHHBB", kind, last, len(part) + 8, 0, (i + 1) % 256, 0) + part)

#The way in

    def prelogin(self):
        kind, payload = self.packet()
        if kind != PRELOGIN:
            raise HungUp
        asked, at = None, 0
        while payload[at] != 0xFF:
            option, offset, size = struct.unpack(">BHH", payload[at:at + 5])
            if option == 1:
                asked = payload[offset]
            at += 5
        mode = self.stub.script.get("encryption", "none")
        answer = {"none": NOT_SUPPORTED, "login": 0}.get(mode, 1 if asked in (1, 3) else 0)
        self.reply(b"\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff" + bytes([15, 0, 7, 208, 0, 0]) + bytes([answer]))
        if answer == NOT_SUPPORTED or asked == NOT_SUPPORTED:
            return False
        self.handshake()
        return answer == 0

    def handshake(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # as TDS 7.4 is spoken; 1.3 belongs to TDS 8
        context.load_cert_chain(self.stub.file("ca.pem"), self.stub.file("key.pem"))
        self.tls, self.wrapped = context.wrap_bio(self.incoming, self.outgoing, server_side=True), True
        while True:
            try:
                self.tls.do_handshake()
                finished = True
            except ssl.SSLWantReadError:
                finished = False
            data = self.outgoing.read()
            if data:
                self.reply(data, PRELOGIN)
            if finished:
                break
            self.incoming.write(self.packet()[1])
        self.wrapped = False

    def login(self):
        kind, payload = self.packet()
        if kind != LOGIN:
            raise HungUp

        def field(at):
            offset, size = struct.unpack("<HH", payload[at:at + 4])
            return payload[offset:offset + 2 * size]

        scrambled = (byte ^ 0xA5 for byte in field(44))
        password = bytes((byte >> 4 | byte << 4) & 0xFF for byte in scrambled)
        self.database = field(68).decode("utf-16-le")
        self.stub.log(kind="login", user=field(40).decode("utf-16-le"), password=password.decode("utf-16-le"),
                      database=self.database, application=field(48).decode("utf-16-le"),
                      server=field(52).decode("utf-16-le"), encrypted=self.tls is not None,
                      integrated=bool(payload[25] & 0x80))
        return self.stub.script.get("login", {})

    def welcome(self):
        self.database = self.stub.script.get("database", self.database)
        self.reply(env_change(1, text8(self.database), text8("master")) +
                   env_change(7, bytes([len(COLLATION)]) + COLLATION) + login_ack() +
                   env_change(4, text8("4096"), text8("4096")) + done())

#Requests

    def answer(self, text, rule, tokens):
        if rule.get("hang"):
            while self.socket.recv(4096):
                pass
        if rule.get("hang") or rule.get("close") is True:
            raise HungUp
        if "columns" in rule:
            tokens += result_set(rule)
        if "error" in rule:
            tokens += error(rule["error"])
        return tokens

    def batch(self, payload):
        text = payload[struct.unpack("<I", payload[:4])[0]:].decode("utf-16-le")
        self.stub.log(kind="batch", text=text, encrypted=self.tls is not None)
        rule = self.stub.rule(text, self)
        tokens = self.answer(text, rule, b"")
        count = rule.get("count", len(rule["rows"]) if "rows" in rule else None)
        self.finish(rule, tokens + done(status=2 if "error" in rule else 0, count=count))

    def call(self, payload):
        reader = Reader(payload)
        reader.take(reader.number(4) - 4)
        tokens, rule = b"", {}
        while reader.left():  # calls may follow each other in one request
            size = reader.number(2)
            name = PROCEDURES.get(reader.number(2), "?") if size == 0xFFFF else reader.take(2 * size).decode("utf-16-le")
            reader.take(2)
            values = []
            while reader.left() and reader.data[reader.at] not in (0x80, 0xFF):
                values.append(reader.parameter())
            if reader.left():
                reader.take(1)
            rule, part = self.one_call(name, values)
            tokens += part
        tokens = tokens[:-13] + done(0xFE, 2 if "error" in rule else 0, rule.get("count"))  # the last: no more
        self.finish(rule, tokens)

    def one_call(self, name, values):
        text = next((v for v in values[:1 if name == "sp_executesql" else 3] if isinstance(v, str)), name)
        if name in ("sp_prepexec", "sp_prepare"):
            text = values[2]
            self.handles[len(self.handles) + 1] = text
        if name in ("sp_execute", "sp_unprepare"):
            text = self.handles.get(values[0], name)
        self.stub.log(kind="call", procedure=name, text=text, values=values)
        rule = self.stub.rule(text, self) if name not in ("sp_prepare", "sp_unprepare") else {}
        tokens = self.answer(text, rule, b"")
        if "columns" in rule or "count" in rule:
            tokens += done(0xFF, 1, rule.get("count", len(rule.get("rows", []))))
        tokens += b"\x79" + struct.pack("<i", 0)
        if name in ("sp_prepexec", "sp_prepare"):  # RETURNVALUE: the handle
            tokens += (b"\xac" + struct.pack("<H", 0) + text8("") + b"\x01" + struct.pack("<IH", 0, 0) + b"\x26\x04\x04" +
                       struct.pack("<i", len(self.handles)))
        return rule, tokens + done(0xFE, 1 | (2 if "error" in rule else 0))

    def transaction(self, payload):
        request = struct.unpack("<H", payload[22:24])[0]
        name = {5: "#begin", 7: "#commit", 8: "#rollback"}.get(request, "#other")
        self.stub.log(kind="transaction", text=name)
        rule = self.stub.rule(name, self)
        tokens = self.answer(name, rule, b"")
        if "error" not in rule:
            descriptor = b"\x08" + struct.pack("<Q", 1)
            changes = {"#begin": env_change(8, descriptor), "#commit": env_change(9, b"\0", descriptor),
                       "#rollback": env_change(10, b"\0", descriptor)}
            tokens += changes.get(name, b"")
        self.finish(rule, tokens + done(status=2 if "error" in rule else 0))

    def finish(self, rule, tokens):
        if rule.get("close") == "middle":
            half, room = tokens[:len(tokens) // 2], 4096 - 8
            for i in range(0, len(half), room):  # whole packets, and no last one
                part = half[i:i + room]
                self.send(struct.pack(">BBHHBB", REPLY, 0, len(part) + 8, 0, (i // room + 1) % 256, 0) + part)
            raise HungUp
        self.reply(tokens)

    def serve(self):
        try:
            login_only = self.prelogin()
            rule = self.login()
            if login_only and self.tls is not None:
                self.tls = None
            if rule.get("hang"):
                self.socket.recv(1)
            if rule.get("hang") or rule.get("close"):
                return
            if "error" in rule:
                refusals = rule["error"] if isinstance(rule["error"], list) else [rule["error"]]
                self.reply(b"".join(error(one) for one in refusals) + done(status=2))
                return
            self.welcome()
            while True:
                kind, payload = self.packet()
                if kind == BATCH:
                    self.batch(payload)
                elif kind == RPC:
                    self.call(payload)
                elif kind == TRANSACTION:
                    self.transaction(payload)
                elif kind == ATTENTION:
                    self.reply(done(status=0x20))
                elif kind == BULK:
                    self.stub.log(kind="bulk", text=f"{len(payload)} bytes")
                    self.finish(self.stub.rule("#bulk", self), done())
                else:
                    return
        except (HungUp, OSError, ssl.SSLError):
            pass
        except Exception as failure:  # a fault of the stub: let the test see it
            self.stub.log(kind="failure", text=repr(failure))
        finally:
            self.socket.close()


class Stub:
    def __init__(self, folder, script):
        self.folder, self.script = folder, script
        self.lock = threading.Lock()
        self.counts = {}
        if script.get("encryption", "none") != "none":
            self.certify(script.get("names", "DNS:localhost"))

    def file(self, name):
        return os.path.join(self.folder, name)

    def certify(self, names):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=Linkspan stub", "-addext", f"subjectAltName={names}",
                        "-keyout", self.file("key.pem"), "-out", self.file("ca.pem")],
                       check=True, stderr=subprocess.DEVNULL)

    def log(self, **request):
        with self.lock, open(self.file("requests.jsonl"), "a", encoding="utf-8") as file:
            file.write(json.dumps(request) + "\n")

    def rule(self, text, session):
        with self.lock:
            for i, rule in enumerate(self.script.get("answers", [])):
                if not re.search(rule["match"], text):
                    continue
                self.counts[i] = self.counts.get(i, 0) + 1
                if self.counts[i] <= rule.get("times", self.counts[i]):
                    return rule
        if re.search(WHO["match"], text):
            return {
  **WHO, "rows" : [[ "15.0.2000.5", "3", None, session.database ]]}
        return {}


def main():
    stub = Stub(sys.argv[1], json.loads(sys.stdin.readline()))
    listener = socket.create_server(("127.0.0.1", 0), backlog=50)
    print(listener.getsockname()[1], flush=True)

    def accept():
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=Session(stub, connection).serve, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
