"""Forms of the admin: native ones that work without script."""

import secrets

from markupsafe import Markup

from services.admin import SignedIn
from ui.components.builder import h

FORM_TOKEN, FORM_ID = 'token', 'form'


def hidden(name: str, value: str) -> Markup:
    """Build a field that nobody sees."""
    return h('input', type='hidden', name=name, value=value)


def action_form(signed_in: SignedIn, action: str, *children: object, class_: str = 'form') -> Markup:
    """Build a form that posts to an `admin_post`, with the token of the sign-in.

    Its field ``form`` holds a random id, issued with the page: whoever gets it twice was clicked twice.

    Args:
        signed_in: who sees the page.
        action: the path it posts to.
        children: the fields and the button.
        class_: how it looks.
    """
    fields = hidden(FORM_TOKEN, signed_in.form_token), hidden(FORM_ID, secrets.token_hex(16))
    return h('form', *fields, *children, method='post', action=action, class_=class_)


def button(label: str, *, kind: str = '') -> Markup:
    """Build the button that sends a form.

    Args:
        label: its text.
        kind: '', 'main' for the one thing a page is for, 'danger' for what cannot be undone.
    """
    return h('button', label, type='submit', class_=f'button {kind}'.strip())
