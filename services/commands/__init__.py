"""The commands of ``main.py``, one file each; the function that starts the web server is passed in."""
