"""
A script: two commands that do nothing.
"""

import typer

app = typer.Typer(rich_markup_mode=None)


@app.command()
def one() -> None:
    """
    Do nothing.
    """


@app.command()
def other() -> None:
    """
    Do nothing either.
    """


if __name__ == "__main__":
    app()
