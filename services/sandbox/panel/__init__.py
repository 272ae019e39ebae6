"""The page that steers the sandbox."""
