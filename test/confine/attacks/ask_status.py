"""From a server: asks the daemon for its status, at a socket that was forwarded there."""
import socket, sys

link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[1])
link.sendall(b'{"id":1,"method":"status","params":null}\n')
print(link.makefile().readline())
