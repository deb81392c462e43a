"""
How properties are tried: by no clock, and where a run decides on a change, the same each time. And
the umask that tests write their configurations with.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("decides", settings.get_profile("here"), derandomize=True)
# `.ci/run` sets it; tests/kernel/parts.py says what else it means.
must_run = os.environ.get("PROXYFEED_TESTS_MUST_RUN") == "1"
settings.load_profile("decides" if must_run else "here")
# Of many ordinary users it is 002, and what their group may write is refused as a configuration.
os.umask(0o022)
