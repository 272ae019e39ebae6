"""The rules of the site, which always come from the file, apart from its words, which are edited."""

import hashlib
import json
import tomllib

from services.site.fields import RULES
from services.site.model import Site


def with_rules_of(site: Site, file: Site) -> Site:
    """Return a site with the words of one and the rules of the other."""
    changed = {}
    for table in {table for table, _ in RULES}:
        source = getattr(file, table)
        rules = {name: getattr(source, name) for in_table, name in RULES if in_table == table}
        changed[table] = getattr(site, table).model_copy(update=rules)
    return site.model_copy(update=changed)


def digest_of_words(text: str) -> str:
    """Return a digest of the words of a valid site.toml; rules, comments and layout do not count."""
    data = tomllib.loads(text)
    for table, name in RULES:
        data.get(table, {}).pop(name, None)
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()
