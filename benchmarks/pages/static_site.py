"""Landing page and order page written by hand: rendered once, and compressed as the shop does it."""

import os

import jinja2
import uvicorn
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette_compress import CompressMiddleware

from benchmarks.pages.site_texts import TEMPLATES, values


def create_app() -> FastAPI:
    """Make the application."""
    app = FastAPI()
    app.add_middleware(CompressMiddleware)
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
    pages = {name: environment.get_template(f'{name}.html').render(values()) for name in ('landing', 'order')}

    @app.get('/')
    def landing() -> Response:
        return HTMLResponse(pages['landing'])

    @app.get('/order')
    def order() -> Response:
        return HTMLResponse(pages['order'])

    @app.post('/checkout')
    def checkout() -> Response:
        return RedirectResponse(os.environ['PAYMENT'], 303)

    return app


if __name__ == '__main__':
    uvicorn.run(create_app(), host='127.0.0.1', port=int(os.environ['PORT']), log_level='warning')
