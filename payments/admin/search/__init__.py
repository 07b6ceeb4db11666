"""One search over everything: what was typed is read once, and each kind of object says where it looks for it."""
