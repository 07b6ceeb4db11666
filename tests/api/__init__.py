"""The REST API, asked as a webshop asks it."""
