"""Sits between mux clients and a master, passes on bytes and descriptors, and keeps a copy of the bytes: record-mux.mjs runs it.

    python3 relay.py LISTEN CONNECT LOG

A line of LOG: the connection's number, "client" or "master", and the bytes that it sent, in hex; without the byte that carries a descriptor.
"""
import os
import socket
import sys
import threading

listen, upstream, log_path = sys.argv[1:]
log = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def relay(number, name, source, target):
    try:
        while True:
            data, descriptors, _, _ = socket.recv_fds(source, 1 << 18, 3)
            if not data:
                break
            # Linux ends a read with the byte that carries descriptors
            packet = data[:-1] if descriptors else data
            # before it goes on, so that all is there once the client has its answer
            os.write(log, f"{number} {name} {packet.hex()}\n".encode())
            target.sendall(packet)
            if descriptors:
                socket.send_fds(target, [b"\0"], descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        target.close()


server = socket.socket(socket.AF_UNIX)
server.bind(listen + ".new")
server.listen()
# so that whoever waits for the name finds it listening
os.rename(listen + ".new", listen)
number = 0
while True:
    client = server.accept()[0]
    number += 1
    master = socket.socket(socket.AF_UNIX)
    try:
        master.connect(upstream)
    except OSError:
        client.close()
        continue
    for way in ("client", client, master), ("master", master, client):
        threading.Thread(target=relay, args=(number, *way), daemon=True).start()
