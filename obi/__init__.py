"""The command line: one small file a command, which reads settings, passes plain arguments on and prints."""
