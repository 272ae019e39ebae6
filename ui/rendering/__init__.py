"""Server rendering of NiceGUI pages."""
