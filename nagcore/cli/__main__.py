"""`python -m nagcore.cli` is `nagcore`."""

from nagcore.cli import app

if __name__ == "__main__":
    app()
