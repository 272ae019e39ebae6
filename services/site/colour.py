"""Colours and how well one is read on another, as WCAG 2.2 defines it."""

import colorsys

PAPER, NIGHT = '#fbfaf7', '#121815'
"""The page's background, in the light and in the dark scheme."""
READABLE = 4.5  # WCAG 2.2, success criterion 1.4.3: contrast of text and its background
DARK_CONTRAST = 8.0  # between the derived accent and the dark background


def luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb`` from 0 to 1, as WCAG 2.2 defines it."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21, as WCAG 2.2 defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def lightened(colour: str) -> str:
    """Return the same hue, light enough to be read on the dark background."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    while contrast(colour, NIGHT) < DARK_CONTRAST:
        lightness = min(1.0, lightness + 0.02)
        parts = colorsys.hls_to_rgb(hue, lightness, saturation * 0.45)
        colour = '#' + ''.join(f'{round(part * 255):02x}' for part in parts)
    return colour
