"""Django's migrate, as the owner of the tables, who first lets the application's role use what is made."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connections

from config import sql


class Command(DjangoMigrate):
    """The application's own role may not change tables; so the alias `owner` is the default here."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["database"] != "owner":
            super().handle(*args, **options)
            return
        application = str(settings.DATABASES["default"]["USER"])
        apart = application != settings.DATABASES["owner"]["USER"]
        with connections["owner"].cursor() as cursor:
            if not sql.may_make_tables(cursor):
                raise CommandError("This role may not make tables: set DATABASE_OWNER_URL to the role that owns them.")
            if apart:
                sql.grant_by_default(cursor, application)
        super().handle(*args, **options)
        if apart:
            with connections["owner"].cursor() as cursor:
                sql.keep_from_migrating(cursor, application)
