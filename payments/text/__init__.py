"""Texts that people read and type: translatable messages, formatting, form fields."""
