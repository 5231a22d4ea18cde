"""``python -m obi``, the same as the command ``obi``."""

from obi.cli import main

if __name__ == "__main__":
    main()
