"""A mail server of this machine, which keeps what it receives."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from queue import Queue
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread


class MailServer(ThreadingTCPServer):
    """As much of SMTP (RFC 5321) as a client needs to hand over a message."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.port: int = self.server_address[1]
        self.received: Queue[EmailMessage] = Queue()

    def __enter__(self) -> "MailServer":
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self.shutdown()
        self.server_close()


class _Session(StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._answer("220 mail.test")
        while command := self.rfile.readline().split():
            if command[0].upper() == b"DATA":
                self._answer("354 Go on")
                self._receive()
            self._answer("221 Bye" if command[0].upper() == b"QUIT" else "250 OK")

    def _receive(self) -> None:
        lines = iter(self.rfile.readline, b".\r\n")
        content = b"".join(line.removeprefix(b".") for line in lines)
        self.server.received.put(message_from_bytes(content, policy=policy.SMTP))

    def _answer(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
