"""The JSON Schema of latencylab.toml, generated from the types."""

from __future__ import annotations

import json
import sys
from typing import Any

from latencylab.gating.config import GateFile


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the file, or of [tool.latencylab] in pyproject.toml."""
    described = GateFile.model_json_schema()
    return described | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "latencylab gate",
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2, sort_keys=True) + "\n")
