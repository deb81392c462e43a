"""
Options to command to report to exit code, and the one boundary for errors.
"""

from proxyfeed.cli.app import main

__all__ = ["main"]
