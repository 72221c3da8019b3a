"""Start the server: uvicorn around the application, one process for SQLite, several for PostgreSQL."""

from __future__ import annotations

import json
import os
import sys
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


def serve(settings: Settings) -> None:
    """Serve until interrupted. Raises ParameterError where it may not or cannot listen, and as `open_database`."""
    import uvicorn

    database = open_database(settings.database, settings.data)
    try:
        if not loopback(settings.host) and not Keyring(database).needed:
            raise ParameterError(
                f"--host is {settings.host!r}, which others can reach, and there are no tokens: "
                "make one first with evenhand token create --scope admin"
            )
    finally:
        database.close()
    os.environ[_VARIABLE] = json.dumps(asdict(settings), default=str)
    common: dict[str, Any] = {
        "factory": True,
        "host": settings.host,
        "port": settings.port,
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,
        "timeout_keep_alive": 30,
        "timeout_graceful_shutdown": 5,
        "ws": "none",
        "http": "httptools",
    }
    print(f"evenhand: serving at http://{settings.host}:{settings.port} (Ctrl-C stops)", file=sys.stderr, flush=True)
    try:
        with TemporaryDirectory(prefix="evenhand-metrics-") as shared:
            if settings.workers > 1:  # their counters are added up through files
                os.environ["PROMETHEUS_MULTIPROC_DIR"] = shared
            uvicorn.run("evenhand.service.serve:application", workers=settings.workers, **common)
    except KeyboardInterrupt:
        pass
    except SystemExit as stop:
        if stop.code:
            raise ParameterError(f"cannot listen on {settings.host}:{settings.port}: choose another --port") from None


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
