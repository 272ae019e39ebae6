"""What the operator sees and does: the work behind the pages of the admin and behind some commands."""
