"""Start the server: uvicorn around the application, one process for SQLite, several for PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from evenhand.errors import ParameterError
from evenhand.service.settings import Limits, Settings, loopback
from evenhand.service.store.database import open_database
from evenhand.service.tokens import Keyring

__all__ = ["application", "serve"]

#: how a worker process learns the settings
_VARIABLE = "EVENHAND_SERVE"


def serve(settings: Settings, listening: Callable[[str], None] | None = None) -> None:
    """Serve until interrupted; listening: told the address, once it is taken and before anything is answered.

    Raises ParameterError where it may not or cannot listen, and as `open_database`.
    """
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from evenhand.diagnose import compile_all

    database = open_database(settings.database, settings.data)
    try:
        if not loopback(settings.host) and not Keyring(database).needed:
            raise ParameterError(
                f"--host is {settings.host!r}, which others can reach, and there are no tokens: "
                "make one first with evenhand token create --scope admin"
            )
    finally:
        database.close()
    compile_all()  # while an interrupt is still ours, and once for all workers
    os.environ[_VARIABLE] = json.dumps(asdict(settings), default=str)
    config = uvicorn.Config(
        "evenhand.service.serve:application",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=5,
        ws="none",
        http="httptools",
    )
    sockets = [_taken(settings.host, settings.port)]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{sockets[0].getsockname()[1]}"
    if threading.current_thread() is threading.main_thread():  # so that what is temporary goes, whoever stops it
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(f"evenhand: serving at {url} (Ctrl-C stops)", file=sys.stderr, flush=True)
    if listening is not None:
        listening(url)
    try:
        if settings.workers == 1:
            uvicorn.Server(config).run(sockets=sockets)
        else:
            with TemporaryDirectory(prefix="evenhand-metrics-") as shared:  # their counters are added up through files
                os.environ["PROMETHEUS_MULTIPROC_DIR"] = shared
                Multiprocess(config, sockets=sockets).run()
    except KeyboardInterrupt:
        pass
    except SystemExit:
        raise ParameterError("the server did not start: the lines above say why") from None


def _taken(host: str, port: int) -> socket.socket:
    """A socket bound to the address; to a free port for 0."""
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
    except (OSError, UnicodeError) as error:
        found.close()
        told = getattr(error, "strerror", None) or "no such host"
        raise ParameterError(f"cannot listen on {host}:{port}: {told}; choose another --host or --port") from None
    found.set_inheritable(True)
    return found


def application() -> Any:
    """The application of this process, with the settings that `serve` left; kernels are compiled before it listens."""
    from evenhand.diagnose import compile_all
    from evenhand.registry import load_plugin, plugins
    from evenhand.service.api import app

    data: dict[str, Any] = json.loads(os.environ[_VARIABLE])
    limits, plugged = Limits(**data.pop("limits")), tuple(data.pop("plugins"))
    settings = Settings(data=Path(data.pop("data")), plugins=plugged, limits=limits, **data)
    for path in settings.plugins:
        if path not in plugins():
            load_plugin(path)
    compile_all()
    sys.setswitchinterval(0.001)  # the loop answers while the writer computes
    return app.application(settings)
