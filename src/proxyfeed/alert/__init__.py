"""
Messages to people: which go out now, and how they are sent.
"""

from proxyfeed.alert.deciding import LASTING, due
from proxyfeed.alert.sending import send, target_names

__all__ = ["LASTING", "due", "send", "target_names"]
