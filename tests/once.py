"""What a test process does once, where Django would do it for every client."""

from whitenoise.middleware import WhiteNoiseMiddleware


def find_static_files() -> None:
    """Look through the packages for static files once: every `Client` would look again, which took a quarter of all time."""
    look = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, object] = {}

    def look_once(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            look(middleware)
            found.update(middleware.files)
        middleware.files = found

    WhiteNoiseMiddleware.add_files_from_finders = look_once
