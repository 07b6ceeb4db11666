"""A believable device: it sells, keeps what it did in a file of its own, signs, and sends as the contract says.

It knows the server by HTTP alone and nothing of its tables. The demo shop and the tests use it, and developers of real
terminals may.
"""
