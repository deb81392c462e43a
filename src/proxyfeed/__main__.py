"""
``python -m proxyfeed`` is ``proxyfeed``.
"""

from proxyfeed.cli import main

main()
