"""The seams, tried through every implementation in their registries."""
