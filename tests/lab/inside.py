"""
The guest's command: call one scenario, and leave what it found in the lab's folder.

    python -m tests.lab.inside original.marked_to_one_server

is the function ``marked_to_one_server`` of ``tests/lab/scenarios/original.py``. What it returns
is JSON; `tests.lab.boot.run_scenario` hands it to the test.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

from tests.lab import network
from tests.lab.traffic import Server


def main() -> None:
    module, _, function = sys.argv[1].partition(".")
    scenario = getattr(importlib.import_module(f"tests.lab.scenarios.{module}"), function)
    network.build()
    servers = {name: Server(name) for name in network.REAL_SERVERS}
    for server in servers.values():
        server.start()
    found = scenario(servers)
    Path(os.environ["LAB_OUT"], "found.json").write_text(json.dumps(found), "utf-8")
    # Clients and servers are threads, and need not be waited for: the kernel ends next.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
