"""The landing page as Flask serves it, from a template; for gunicorn, in a virtual environment of its own."""

from flask import Flask, render_template  # type: ignore[import-not-found,unused-ignore]

from benchmarks.pages.rival_texts import TEMPLATES, texts

app = Flask(__name__, template_folder=str(TEMPLATES))
page = texts()


def landing() -> str:
    """Fill the template in."""
    return str(render_template('landing.html', **page))


app.add_url_rule('/', view_func=landing)
