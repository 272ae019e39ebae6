"""How tests and people control the sandbox: a JSON API, its actions, and the panel."""
