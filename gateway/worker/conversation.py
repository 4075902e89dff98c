"""What happens on one connection: parse a request, run the application, write the answer, wait for the next.

It is our own loop, because gunicorn's has no deadline for a started request and never yields on a busy
keep-alive connection: when the next request is already in the socket, gevent's `recv` returns without
switching, so a client that is faster than the worker keeps it until it pauses. Ours yields after each answer
(32 closed-loop clients on one core: slowest request 20 ms instead of 100 ms to seconds). HTTP/1.1 only;
HTTP/2 belongs to the proxy in front.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import gevent
import structlog
from gunicorn.http.errors import NoMoreData
from gunicorn.workers.base_async import ALREADY_HANDLED

from gateway.worker.answering import Answer, DateHeader, Environment, Harmless
from gateway.worker.body import ChunkedBody
from gateway.worker.connection import Connection, PacedAnswer, Phase
from gateway.worker.reading import Recognition, Requests
from gateway.worker.refusals import refuse, status_of

Wsgi = Callable[[dict[str, Any], Any], Any]

logger = structlog.get_logger("gateway.worker")


class Conversation:
    """Serves connections, each in its own greenlet; one instance per worker."""

    def __init__(self, cfg: Any, application: Wsgi, *, alive: Callable[[], bool]) -> None:
        """`alive` turns false when the worker is told to stop: every answer is then the connection's last."""
        self._cfg = cfg
        self._application = application
        self._alive = alive
        self._keepalive = cfg.keepalive
        self._recognition = Recognition(cfg)
        self._environment = Environment(cfg)
        self._date = DateHeader()
        self._harmless: Harmless = set()

    def serve(self, connection: Connection, *, client: Any, server: Any) -> None:
        """Serve request after request between these two addresses.

        Leaves by an exception (OSError, StopIteration) when the peer has ended the connection.
        """
        requests = Requests(self._cfg, self._recognition, connection, client)
        while True:
            request = None
            try:
                request = requests.next()
                connection.run_application()
                handed_over = self._respond(request, connection, client=client, server=server)
                if handed_over:
                    connection.park()
                elif requests.finish() and self._keepalive:
                    connection.await_request()
                else:
                    return
            except (ConnectionError, StopIteration, NoMoreData):
                raise
            except Exception as error:
                if isinstance(error, OSError) and connection.phase is not Phase.APPLICATION:
                    raise  # the peer's socket failed, not the application
                _report(error, request, connection.sock)
                return
            gevent.sleep(0)  # let the other connections run, see the module's docstring

    def _respond(self, request: Any, connection: Connection, *, client: Any, server: Any) -> bool:
        """Run the application for one request and write its answer.

        True: somebody else writes the answer (ALREADY_HANDLED). StopIteration: the connection is done with.
        """
        sock = connection.sock
        if request._expected_100_continue:
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self._environment.of(request, sock, client=client, server=server)
        environ["gateway.connection"] = connection
        if "HTTP_TRANSFER_ENCODING" in environ:
            environ["wsgi.input"] = ChunkedBody(environ["wsgi.input"])
        answer = Answer(request, sock, self._cfg, date=self._date, harmless=self._harmless)
        if not self._alive() or not self._keepalive:
            answer.force_close()
        body = self._application(environ, answer.start_response)
        if body is ALREADY_HANDLED:
            return True
        pieces = PacedAnswer(body, connection)
        try:
            for piece in pieces:
                answer.write(piece)
            answer.close()
        except Exception as error:
            if not answer.headers_sent or isinstance(error, OSError):
                raise
            # A second answer on the same socket would corrupt the first: end the connection instead.
            logger.exception("answer_broken_off", path=request.path)
            raise StopIteration from error
        finally:
            pieces.close()
        if answer.should_close():
            raise StopIteration
        return False


def _report(error: Exception, request: Any, sock: Any) -> None:
    """Answer a request that could not be parsed or served, unless it has become a websocket."""
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("request_failed", path=getattr(request, "path", None), exc_info=error)
    else:
        logger.info("request_refused", status=status.value, reason=type(error).__name__)
    if not any(name == "UPGRADE" for name, _ in getattr(request, "headers", ())):
        refuse(sock, status)
