"""Pay.nl (Pay.): orders at its gateway (connect), refunds and terminals at its management API (rest).

Built from its published specifications and the code of its own plugins. Not verified live.
"""
