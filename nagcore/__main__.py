"""`python -m nagcore` is `nagcore`; `torchrun … -m nagcore train` starts several processes."""

from nagcore.cli import app

if __name__ == "__main__":
    app()
