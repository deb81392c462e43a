"""
Keep the published address ranges of proxy farms in an ipset, proven and reversible.
"""

__version__ = "0.1.0"
