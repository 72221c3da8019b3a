"""The pictures of the page in live.md: `python docs/screenshots.py`, where Chromium and the packages for tests are."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import watched  # noqa: E402
from browsing import PATIENCE, browser  # noqa: E402
from serving import Server  # noqa: E402

#: file -> controller, colours, width, height and scale of the window
SHOTS = {
    "page.png": ("geo7", "light", 1360, 1060, 1.0),
    "page-dark.png": ("tenants", "dark", 1360, 1060, 1.0),
    "page-phone.png": ("shadow", "light", 390, 844, 1.5),
}
#: bytes of a picture, at most
MOST = 150_000


def main() -> None:
    """Make them all."""
    with TemporaryDirectory() as folder, Server(folder) as server, browser() as chromium:
        watched.geo7(server)
        watched.tenants(server)
        watched.shadow(server)
        for file, (name, scheme, width, height, scale) in SHOTS.items():
            size = {"width": width, "height": height}
            page = chromium.new_page(viewport=size, color_scheme=scheme, device_scale_factor=scale)
            page.set_default_timeout(PATIENCE)
            page.goto(f"{server.url}/#/{name}")
            page.wait_for_selector(f'main[data-showing="{name}"]')
            page.wait_for_selector("text=/kept up to date without solving/")
            page.mouse.move(0, 0)
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(192, dither=Image.Dither.NONE)
            target = ROOT / "docs/images" / file
            picture.save(target, optimize=True)
            print(f"{target.relative_to(ROOT)}: {target.stat().st_size:,} bytes")
            assert target.stat().st_size <= MOST
            page.close()


if __name__ == "__main__":
    main()
