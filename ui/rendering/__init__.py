"""HTML made on the server from the elements of NiceGUI pages."""
