"""The sandbox of Calendly."""
