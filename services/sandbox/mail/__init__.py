"""An SMTP server that sends nothing on, and its mailbox as web pages."""
