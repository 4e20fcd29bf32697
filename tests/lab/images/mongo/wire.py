"""MongoDB's wire protocol as far as the stand-in speaks it: OP_MSG, and the OP_QUERY that drivers greet with."""

import socket
import struct

import bson

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def read(connection):
    """A message as (number, kind, document)."""
    length, number, _, kind = struct.unpack("<iiii", read_exactly(connection, 16))
    data = read_exactly(connection, length - 16)
    if kind == OP_QUERY:
        start = data.index(b"\0", 4) + 9
        size = struct.unpack_from("<i", data, start)[0]
        return number, kind, bson.BSON(data[start : start + size]).decode()
    if kind != OP_MSG:
        raise ValueError(f"no such message: {kind}")
    at, document, sequences = 4, {}, {}
    end = len(data) - (4 if struct.unpack_from("<I", data)[0] & 1 else 0)
    while at < end:
        section, at = data[at], at + 1
        size = struct.unpack_from("<i", data, at)[0]
        part = data[at : at + size]
        at += size
        if section == 0:
            document = bson.BSON(part).decode()
        else:
            stop = part.index(b"\0", 4)
            sequences[part[4:stop].decode()] = bson.decode_all(part[stop + 1 :])
    return number, kind, {**document, **sequences}


def message(kind, document, answers=0):
    data = bson.BSON.encode(document)
    body = struct.pack("<iqii", 8, 0, 0, 1) + data if kind == OP_QUERY else struct.pack("<IB", 0, 0) + data
    return struct.pack("<iiii", 16 + len(body), 1, answers, OP_REPLY if kind == OP_QUERY else OP_MSG) + body


def ask(connection, document):
    connection.sendall(message(OP_MSG, document))
    return read(connection)[2]


def connect(address, limit):
    host, _, port = address.rpartition(":")
    connection = socket.create_connection((host, int(port)), timeout=limit)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
