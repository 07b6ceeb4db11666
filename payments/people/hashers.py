"""How passwords are hashed."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2id(Argon2PasswordHasher):
    """Argon2id with 19 MiB, two passes and one thread: slow for guessers, and cheap enough for ten wrong guesses."""

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1
