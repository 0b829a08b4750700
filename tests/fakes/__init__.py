"""Real local servers with scripted answers, for tests: an SMTP server and an HTTP server for Slack and webhooks."""
