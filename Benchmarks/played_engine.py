"""The server's side of /worker/v1, for scripts that play the engine of real workers."""
import http.server
import json
import threading


class PlayedEngine:
    """What a script makes its own engine of: it overrides what it wants to know and to say."""

    def polled(self, request):
        """Called with each poll."""

    def task(self, wait):
        """The next task, an offer as docs/workers.md has it, or None after at most so many seconds."""
        return None

    def beat(self, tasks):
        """Called with the tasks of each heartbeat."""

    def completed(self, token, output):
        """Called with each result."""

    def failed(self, token, error, cause):
        """Called with each failure."""

    def serve(self):
        """Answers workers on a free port of loopback, in threads that end with the script. Gives the engine's address."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"


def offer(token, step, more, machine, execution=None, timeout=3600):
    """A task as a poll is answered with it."""
    return {"token": token, "step": step, "input": more, "attempt": 1, "executionArn": "arn", "execution": execution or token,
            "state": step, "machine": machine, "heartbeatSeconds": 60, "timeoutSeconds": timeout, "idempotencyKey": token}


def _handler(engine):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            status, reply = 200, {}
            if self.path.endswith("/poll"):
                engine.polled(body)
                task = engine.task(body.get("waitSeconds", 0))
                status, reply = (200, {"task": task}) if task else (204, None)
            elif self.path.endswith("/heartbeat"):
                engine.beat(body["tasks"])
                reply = {"tasks": [{"token": task["token"], "status": "ok"} for task in body["tasks"]]}
            elif self.path.endswith("/complete"):
                engine.completed(body["token"], body["output"])
            elif self.path.endswith("/fail"):
                engine.failed(body["token"], body["error"], body["cause"])
            data = b"" if reply is None else json.dumps(reply).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                if status != 204:
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except ConnectionError:
                # The worker stops, and its polls with it.
                self.close_connection = True

    return Handler
