"""Tests of the admin: what each person sees, and what the buttons do."""
