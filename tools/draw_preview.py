"""Draw ``k2book/preview.png``, what a shared link shows, from the cover (needs Chromium)."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from k2book import chromium

ROOT = Path(__file__).resolve().parent.parent
PAGE = """<body style="margin:0; width:1200px; height:630px; background:#f3efe4; display:flex;
flex-direction:column; justify-content:center; font-family:Georgia, serif; color:#1f3a34">
<div style="padding:0 60px; font-size:92px; font-weight:bold">K2 beyond the liver</div>
<div style="padding:10px 60px 40px; font-size:36px; color:#0b6e4f">
An executable course on vitamin K2
and its evidence</div><div style="padding:0 40px">%s</div></body>"""


def main() -> None:
    """Draw the picture in 64 colors, which keeps it small."""
    with chromium.launched() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 630})
        page.set_content(PAGE % (ROOT / "cover.svg").read_text("utf-8"))
        picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(64).save(ROOT / "k2book" / "preview.png", optimize=True)


if __name__ == "__main__":
    main()
