"""The landing page in Flask, from a template; gunicorn runs it in a virtual environment of its own."""

from flask import Flask, render_template  # type: ignore[import-not-found,unused-ignore]

from benchmarks.pages.site_texts import TEMPLATES, values

app = Flask(__name__, template_folder=str(TEMPLATES))
page = values()


def landing() -> str:
    """Render the template."""
    return str(render_template('landing.html', **page))


app.add_url_rule('/', view_func=landing)
