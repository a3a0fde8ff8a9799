"""Refresh the hashes and sizes of the tables in data/datapackage.json, and nothing else."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "data"


def refresh(folder: Path = FOLDER) -> list[str]:
    """Write the current hash and size of every table; return the names that changed."""
    path = folder / "datapackage.json"
    package = json.loads(path.read_text(encoding="utf-8"))
    changed = []
    for resource in package["resources"]:
        content = (folder / resource["path"]).read_bytes()
        now = {"bytes": len(content), "hash": "sha256:" + hashlib.sha256(content).hexdigest()}
        if any(resource[key] != value for key, value in now.items()):
            changed.append(resource["name"])
            resource.update(now)
    text = json.dumps(package, ensure_ascii=False, indent=2) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")
    return changed


if __name__ == "__main__":
    print("refreshed:", ", ".join(refresh()) or "nothing, all hashes were right")
