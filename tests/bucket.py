"""A bucket on loopback, by an emulator of Google Cloud Storage that others keep."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus

NAME = "bucket"


@contextlib.contextmanager
def bucket() -> Iterator[dict[str, str]]:
    """Environment in which epath, TensorStore and ArrayRecord find gs://bucket here, and no account is asked for."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with open(os.devnull, "w") as nowhere:
        server = subprocess.Popen([sys.executable, __file__, str(port)], stdout=nowhere, stderr=nowhere)
    try:
        _wait(address, server)
        yield {
            **os.environ,
            "STORAGE_EMULATOR_HOST": address,  # of gcsfs
            "TENSORSTORE_GCS_HTTP_URL": address,
            "CLOUD_STORAGE_EMULATOR_ENDPOINT": address,  # of ArrayRecord
            "GCE_METADATA_HOST": "127.0.0.1:1",
            "NO_GCE_CHECK": "true",
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
        }
    finally:
        server.kill()
        server.wait()


def _wait(address: str, server: subprocess.Popen) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=1).close()
            return
        assert server.poll() is None, "the emulator has ended"
        time.sleep(0.1)
    raise AssertionError("the emulator does not answer")


def serve(port: int) -> None:
    """Runs the emulator, taught what the real one answers and it does not: ArrayRecord asks for the last N bytes, TensorStore
    for an object's generation, for reads unless it is still that and for writes only if it is still that."""
    from gcp_storage_emulator import server
    from gcp_storage_emulator.exceptions import NotFound
    from gcp_storage_emulator.handlers import objects

    def asked(request, name):
        return request.query.get(name, [None])[0]

    def generation(storage, request, name):
        try:
            return storage.get_file_obj(request.params["bucket_name"], name)["generation"]
        except NotFound:
            return "0"

    def download(request, response, storage, *args, **kwargs):
        name = request.params["object_id"]
        found = generation(storage, request, name)
        if found != "0":
            response["x-goog-generation"] = found
            if asked(request, "ifGenerationNotMatch") == found:
                response.status = HTTPStatus.NOT_MODIFIED
                return
        headers = request._request_handler.headers
        if found != "0" and (last := re.fullmatch(r"bytes=-(\d+)", headers.get("range") or "")):
            size = len(storage.get_file(request.params["bucket_name"], name))
            headers.replace_header("range", f"bytes={max(0, size - int(last[1]))}-")
        original["download"](request, response, storage, *args, **kwargs)

    def insert(request, response, storage, *args, **kwargs):
        expected = asked(request, "ifGenerationMatch")
        if expected is not None and expected != generation(storage, request, asked(request, "name")):
            response.status = HTTPStatus.PRECONDITION_FAILED
            return
        original["insert"](request, response, storage, *args, **kwargs)

    original = {"download": objects.download, "insert": objects.insert}
    objects.download = download  # `objects.get` calls it
    replaced = {original["download"]: download, original["insert"]: insert}
    for _, methods in server.HANDLERS:
        methods.update({method: replaced.get(handler, handler) for method, handler in methods.items()})
    server.create_server("127.0.0.1", port, in_memory=True, default_bucket=NAME).run()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
