"""Hub ids: only at a pinned commit, only weights and configs, each failure one line. The hub here is on loopback."""

import http.server
import json
import os
import subprocess
import sys
import threading

import pytest
from pretrained_factory import language_model
from tokenizer_factory import llama3

from input_pipeline.errors import UserError
from tramp_jax.hf.hub import local_folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MODEL = "someone/llama"


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A hub with one model, and the list of files that were asked for."""
    folder = llama3(tmp_path_factory.mktemp("hub") / "model")
    language_model("llama3", vocab_size=400).save_pretrained(folder)
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "modeling_evil.py").write_text("raise SystemExit")
    names = sorted(path.name for path in folder.iterdir())
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(body=False)

        def do_GET(self):
            self.answer(body=True)

        def answer(self, body):
            path = self.path.split("?")[0]
            if path == f"/api/models/{MODEL}/revision/{COMMIT}":
                siblings = [{"rfilename": name} for name in names]
                content = json.dumps({"id": MODEL, "sha": COMMIT, "siblings": siblings}).encode()
            elif path == f"/api/models/{MODEL}/tree/{COMMIT}":
                files = [(name, (folder / name).stat().st_size) for name in names]
                tree = [{"type": "file", "oid": name, "size": size, "path": name} for name, size in files]
                content = json.dumps(tree).encode()
            elif path.startswith(f"/{MODEL}/resolve/{COMMIT}/") and (folder / path.rsplit("/", 1)[1]).is_file():
                asked.append(path.rsplit("/", 1)[1])
                content = (folder / path.rsplit("/", 1)[1]).read_bytes()
            else:
                self.send_response(404)
                self.send_header("X-Error-Code", "RevisionNotFound")
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", f'"{hash(content):x}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


def command(endpoint, home, *arguments):
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environment |= {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "0"}
    line = [sys.executable, "-m", "tramp_jax.import_hf", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, env=environment)


def test_a_pinned_id_is_fetched_and_imported_without_its_pickles_and_code(hub, tmp_path):
    endpoint, asked = hub
    output = tmp_path / "out"
    result = command(endpoint, tmp_path / "home", f"--model={MODEL}", f"--revision={COMMIT}", f"--output={output}")
    assert result.returncode == 0, result.stderr
    manifest = json.loads((output / "import.json").read_text())
    assert (manifest["source"], manifest["revision"], list(manifest["parts"])) == (MODEL, COMMIT, ["llm"])
    assert "model.safetensors" in asked
    assert not {"pytorch_model.bin", "modeling_evil.py"} & set(asked)


def test_a_revision_that_is_not_there_is_one_line(hub, tmp_path):
    arguments = [f"--model={MODEL}", f"--revision={COMMIT[::-1]}", f"--output={tmp_path / 'out'}"]
    result = command(hub[0], tmp_path / "home", *arguments)
    assert result.returncode == 2
    assert "not fetched" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("model", "revision", "message"),
    [
        (MODEL, None, "add --revision=COMMIT"),
        (MODEL, "main", "add --revision=COMMIT"),
        (MODEL, COMMIT[:-1], "add --revision=COMMIT"),
        ("../missing/folder/of/mine", COMMIT, "no such folder, and no id of the Hub"),
    ],
)
def test_what_is_not_pinned_is_not_fetched(model, revision, message):
    with pytest.raises(UserError, match=message):
        local_folder(model, revision)


def test_a_folder_has_no_revision(tmp_path):
    assert local_folder(str(tmp_path), None) == tmp_path
    with pytest.raises(UserError, match="is a local path; leave the flag away"):
        local_folder(str(tmp_path), COMMIT)
