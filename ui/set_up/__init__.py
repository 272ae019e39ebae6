"""The set-up as pages: served by a process that has no settings yet, in place of a shop."""
