"""The command ``rfacenet``: one file a command, each with its flags and what it runs."""
