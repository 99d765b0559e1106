"""``python -m marrowlight``."""

from marrowlight.cli.app import main

if __name__ == "__main__":
    main()
