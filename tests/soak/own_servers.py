"""What `test_runs` proves with: whether a long run's tests read their settings after their own servers had names."""

from django.conf import settings

from tests.conftest import SERVERS


def test_settings_name_this_process_and_no_other() -> None:
    assert settings.DATABASES["default"]["NAME"] == SERVERS.name
    assert str(SERVERS.home) == str(settings.ONETILL_HOME)
