"""Bookkeeping packages for tests, each a server of its own: they check requests, book, forget nothing and fail on demand.

Nobody here has seen the real ones. Requests and answers are checked against the specifications that were collected,
where these are at hand (`specs.py`), and always against what each module here demands.
"""
