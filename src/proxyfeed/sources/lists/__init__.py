"""
Lists for machines: plain text, comma-separated values and JSON, each by a strict grammar.
"""
