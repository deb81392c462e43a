"""
A script: a list on standard input, aggregated by what the product calls for a list of lines.
"""

import sys

from proxyfeed.model import TextRules
from proxyfeed.sources.lists.text import read_text


def main() -> None:
    listing = read_text(sys.stdin.buffer.read(), "text/plain", TextRules())
    sys.stdout.write("\n".join([*listing.prefixes.lines(), ""]))


if __name__ == "__main__":
    main()
