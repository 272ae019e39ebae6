"""What the shop knows and does; nothing in here imports the web pages."""
