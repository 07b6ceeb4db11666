"""The verbs of terminals, one file each; the only writers."""
