"""A small HTTP server on the loopback that answers as an OpenAI-compatible one, or as a broken one."""

import contextlib
import http.server
import json
import threading


class JudgeServer(http.server.ThreadingHTTPServer):
    """`answers` are (status, text) in turn, the last one for ever; `bodies` are what was asked, `paths` where."""

    def __init__(self, answers):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers, self.bodies, self.paths = list(answers), [], []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        server = self.server
        server.paths.append(self.path)
        server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        status, text = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
        body = text.encode() if status != 200 or text.startswith("<") else completion(text)
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def completion(text):
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


@contextlib.contextmanager
def judge_server(*answers):
    """(status, text) each; a text that begins with "<" is sent as it is."""
    with JudgeServer(answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
