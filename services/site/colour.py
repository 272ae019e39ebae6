"""Colours and how well one is read on another, as WCAG 2.2 defines it."""

PAPER, NIGHT = '#fbfaf7', '#121815'
"""The page's background, in the light and in the dark scheme."""
READABLE = 4.5  # WCAG 2.2, success criterion 1.4.3: contrast of text and its background


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb`` from 0 to 1, as WCAG 2.2 defines it."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21, as WCAG 2.2 defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
