"""The local editor: a small HTTP server and its page."""
