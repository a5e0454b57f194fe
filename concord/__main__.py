"""``python -m concord`` is the ``concord`` command."""

from concord.cli import main

main()
