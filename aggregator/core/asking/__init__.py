"""What may be asked, and how a question becomes SQL: one catalogue for the command line, the API, exports and docs."""
