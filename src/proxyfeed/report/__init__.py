"""
An `Outcome` as a document: text for people, JSON for machines.
"""

from proxyfeed.report.document import as_json
from proxyfeed.report.text import as_text

__all__ = ["as_json", "as_text"]
