"""The audit of pinned packages tells holes, silence and health apart."""

from typing import Any

import pytest

from scripts import audit

SOUND: dict[str, Any] = {'name': 'sound', 'version': '1.0', 'vulns': []}
HOLE: dict[str, Any] = {'name': 'old', 'version': '0.9', 'vulns': [{'id': 'CVE-1', 'fix_versions': ['1.0']}]}
SILENT: dict[str, Any] = {'name': 'unheard-of', 'skip_reason': 'not found'}


@pytest.mark.parametrize(
    ('report', 'holes', 'silent'),
    [
        ([SOUND], [], []),
        ([SOUND, HOLE], ['old 0.9: CVE-1, fixed in 1.0'], []),
        ([SOUND, SILENT], [], ['unheard-of']),
        ([], [], ['any of them']),
    ],
)
def test_what_a_report_says(report: audit.Report, holes: list[str], silent: list[str]) -> None:
    """A hole is one line, and a package that nobody knows is not taken for a sound one; nor is no answer."""
    assert audit.holes(report) == holes
    assert audit.unanswered(report) == silent
