"""Every setting, from the environment or the installation's own folder; the README lists the variables."""

from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy

from config import env, ownership, pooled, sidebar
from config.observability import logging
from config.provider_addresses import *  # noqa: F403 (all of them are settings)
from config.registries import *  # noqa: F403 (all of them are settings)
from config.standalone import embedded, home

# Lets fields and managers carry their types in brackets at run time too.
django_stubs_ext.monkeypatch()

BASE_DIR = home.PROJECT
ONETILL_HOME = home.home()

# Trust. What the environment does not give, the home has made for itself.
SECRET_KEY = env.text("SECRET_KEY") or home.read_secrets(ONETILL_HOME).secret_key
ENCRYPTION_KEYS = env.words("ENCRYPTION_KEYS", []) or [home.read_secrets(ONETILL_HOME).encryption_key]
# Apart from the encryption keys, which are changed: what is found by its hash must be found for good.
HASH_KEY = env.text("HASH_KEY") or home.hash_key(ENCRYPTION_KEYS)
DEBUG = env.flag("DEBUG")
DEMO = env.flag("DEMO")  # set by `make run` for its processes

# Addresses. PORT serves everything, PORT + 1 polls and streams, PORT + 2 the simulator.
HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, minimum=1)
PUBLIC_URL = env.text("PUBLIC_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
STREAM_URL = env.text("STREAM_URL", f"http://127.0.0.1:{PORT + 1}").rstrip("/")
TERMINAL_SIMULATOR_URL = env.text("TERMINAL_SIMULATOR_URL", f"http://127.0.0.1:{PORT + 3}").rstrip("/")
SIMULATOR_URL = env.text("SIMULATOR_URL", f"http://127.0.0.1:{PORT + 2}").rstrip("/")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", [PUBLIC_URL])
HTTPS = PUBLIC_URL.startswith("https://")
# The names this installation answers to: its own, and what ALLOWED_HOSTS adds (`.shop.example`: all below it).
OWN_HOSTS = {urlsplit(url).hostname or "" for url in (PUBLIC_URL, STREAM_URL)} | {
    HOST,
    "localhost",
    "127.0.0.1",
    "[::1]",
}
ALLOWED_HOSTS = sorted(OWN_HOSTS - {"", "0.0.0.0", "::"}) + env.words("ALLOWED_HOSTS", [])  # noqa: S104
METRICS_TOKEN = env.text("METRICS_TOKEN")
# Only where it is set: without a proxy in front anyone could send the header.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("BEHIND_PROXY") else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"  # addresses of payment links and one-time links are secrets
X_FRAME_OPTIONS = "DENY"
WEBHOOK_ALLOW_PRIVATE = env.flag("WEBHOOK_ALLOW_PRIVATE")

# Databases: `default` signs in as the application, which may not change the books; `owner` migrates (`ownership`).
DATABASE_URL = env.text("DATABASE_URL") or embedded.Postgres(ONETILL_HOME).url()
DATABASE_OWNER_URL = ownership.url()
REDIS_URL = env.text("REDIS_URL") or embedded.Valkey(ONETILL_HOME).url
REDIS_PREFIX = env.text("REDIS_PREFIX")  # for several installations on one server
EMBEDDED_DATABASE = not env.text("DATABASE_URL")
EMBEDDED_REDIS = not env.text("REDIS_URL")

# Web processes share a pool among their threads; every other process keeps the one connection it has.
DATABASE_POOL = env.integer("DATABASE_POOL", 0)
_POOL = {"min_size": 1, "max_size": DATABASE_POOL, "timeout": 10, "connection_class": pooled.Connection}
_SESSION = {
    # Commands and imports take as long as they take.
    "statement_timeout": env.integer("STATEMENT_TIMEOUT_MS", 30_000 if DATABASE_POOL else 0),
    # Longer than any unit of work holds an order: a request behind it fails in time, instead of piling up.
    "lock_timeout": env.integer("LOCK_TIMEOUT_MS", 10_000),
    # A process that hangs in a transaction holds its locks, and holds back the fold.
    "idle_in_transaction_session_timeout": 60_000,
    # What a request asks for has an index. The planner believes so only once it has counted: a plan made while a table
    # was small would read all of it, and be kept while it grows. Imports do well to read whole tables.
    "enable_seqscan": "off" if env.flag("PREFER_INDEXES") else "on",
}


def _database(name: str, url: str, **options: object) -> dict[str, object]:
    entry = env.database(name, url)
    return entry | {"OPTIONS": {"connect_timeout": 5, "application_name": "onetill"} | entry["OPTIONS"] | options}


DATABASES = {
    "default": _database(
        "DATABASE_URL",
        DATABASE_URL,
        # Django turns prepared statements off for the sake of poolers; behind one, set DATABASE_PREPARE=0.
        prepare_threshold=5 if env.flag("DATABASE_PREPARE", True) else None,
        server_side_binding=True,
        pool=_POOL if DATABASE_POOL else None,
        options=" ".join(f"-c {name}={value}" for name, value in _SESSION.items()),
    )
    | {"CONN_HEALTH_CHECKS": True, "CONN_MAX_AGE": 0 if DATABASE_POOL else 60},
}
if DATABASE_OWNER_URL:
    DATABASES["owner"] = _database("DATABASE_OWNER_URL", DATABASE_OWNER_URL) | {"TEST": {"MIRROR": "default"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Processes: a thread that waits for a provider serves nobody else meanwhile.
WEB_WORKERS = env.integer("WEB_WORKERS", 2, minimum=1)
WEB_THREADS = env.integer("WEB_THREADS", 12, minimum=1)

# Celery. Tasks hold ids only; the rows are the queue, and sweeps find what was not enqueued.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker however long that is down
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": REDIS_PREFIX,
    # A task of a killed worker is delivered again after this; what must not wait so long, a sweep finds.
    "visibility_timeout": 3600,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    # How long ringing may try: a request never waits for a broker that is down.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.05,
    "interval_max": 0.05,
}
# Celery would close the database's session around each task, and a refund has three: `config.celery` sees to them.
CELERY_DB_REUSE_MAX = 1_000_000_000
CELERY_TASK_IGNORE_RESULT = True
# With the next line: a task whose worker is killed is given to another. All tasks are harmless to repeat.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
# The row is written already; the sweep takes it up if the broker is down.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_DEFAULT_QUEUE = "realtime"
# Everything else is realtime: an import of a million lines never delays a refund.
_BATCH = (
    "reconciliation.*",
    "payments.ledger.*",
    "payments.fold_statistics",
    "payments.expire_vouchers",
    *("payments.forget_accounts", "payments.forget_keys", "payments.forget_sign_ins"),
    "payments.*_list_file*",
    "terminals.forget_requests",
)
CELERY_TASK_ROUTES = {name: {"queue": "batch"} for name in _BATCH}
# A worker that is busy with an import holds no other task.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "config.observability.heartbeat.Scheduler"
# The sweeps: seconds between two of each. One that waited longer than that is dropped, the next is as good.
SWEEPS = {
    # The longest that a refund waits whose task was lost.
    "payments.recover": 1,
    "payments.notify.deliver": 2,
    "payments.notify.clear_stranded": 60,
    "payments.write_receipts": 10,
    "payments.notify.send_mail": 10,
    "payments.notify.forget_mail": 3600,
    "payments.ledger.fold": 2,
    "payments.ledger.extend_chain": 60,
    "payments.fold_statistics": 2,
    "payments.expire_vouchers": 60,
    "payments.write_list_files": 5,
    "payments.forget_list_files": 3600,
    "payments.forget_accounts": 3600,
    "payments.forget_keys": 3600,
    "payments.forget_sign_ins": 3600,
    "terminals.sweep_waiting": 10,
    "terminals.sweep_actions": 1,
    "terminals.drive_all": 2,
    "terminals.forget_requests": 3600,
    "reconciliation.import_due": 5,
    "reconciliation.read_sources": 5,
    "reconciliation.look_for_payouts": 3600,
    "reconciliation.rematch": 60,
    "reconciliation.raise_overdue": 3600,
    "reconciliation.forget_files": 600,
    "reconciliation.fill_outboxes": 300,
    "reconciliation.send_to_accountants": 10,
    "reconciliation.make_exports_due": 5,
    "reconciliation.request_scheduled": 300,
    "reconciliation.put_exports": 60,
}
CELERY_BEAT_SCHEDULE = {
    name: {"task": name, "schedule": seconds, "options": {"expires": max(5, seconds)}}
    for name, seconds in SWEEPS.items()
}

# Applications
INSTALLED_APPS = [
    "config",
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "config.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "payments.ledger",
    "payments.people",
    "payments.notify",
    "payments",
    "terminals",
    "reconciliation",
]
AUTH_USER_MODEL = "people.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "payments.people.services.passwords.StrongPasswordValidator"},
]
# Argon2id with the parameters that OWASP names; an older hash is replaced at the next sign-in.
PASSWORD_HASHERS = ["payments.people.hashers.Argon2id", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
# Minutes of inactivity after which users who can move money are signed out; all are after a day. What moves money asks
# for the second factor again, so a till's or a desk's day is not interrupted for it.
SESSION_IDLE_MINUTES = env.integer("SESSION_IDLE_MINUTES", 12 * 60, minimum=1)
# Minutes of inactivity after which the staff of a store type their code again at the counter's page.
COUNTER_IDLE_MINUTES = env.integer("COUNTER_IDLE_MINUTES", 5, minimum=1)
# What pages ask by themselves is nobody's doing.
SESSION_UNATTENDED_PATHS = ("/admin/live/", "/admin/live/stream", "/admin/reconciliation/export/live/")
CSRF_FAILURE_VIEW = "payments.people.sign_in_views.csrf_failure"
LOGIN_URL = reverse_lazy("sign_in")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")

MIDDLEWARE = [
    # First, so that every refusal below has an id and is logged.
    "config.middleware.request_id",
    # Before anything builds a link.
    "config.middleware.own_hosts",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.problems",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # After the sign-in: it decides whether the session may go on.
    "payments.people.middleware.person",
    "config.site.pages",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
if env.flag("STREAMS"):  # set by config.asgi for the process of polls and streams
    ROOT_URLCONF = "config.stream_urls"
    MIDDLEWARE = ["config.middleware.request_id", "config.middleware.own_hosts", "config.middleware.problems"]
APPEND_SLASH = True
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # straight from the packages: nothing to collect
MEDIA_ROOT = Path(env.text("MEDIA_ROOT", str(ONETILL_HOME / "files")))
# Where exports on a schedule are handed over, in a folder for each merchant.
EXPORT_FOLDER = Path(env.text("EXPORT_FOLDER", str(ONETILL_HOME / "exports")))
# Settlement files name customers: only the service reads them.
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700

# Time and language: everything is UTC inside; a merchant's own zone is the merchant's.
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
FORMAT_MODULE_PATH = ["config.formats"]
LANGUAGE_CODE = env.text("LANGUAGE_CODE", "en")
LANGUAGES = [("en", "English"), ("nl", "Nederlands")]
LOCALE_PATHS = [BASE_DIR / "config" / "locale" / "unfold"]  # each app keeps its own words; these are unfold's

# The admin
UNFOLD = sidebar.UNFOLD

LOGGING = logging.configuration()

# Limits
MAX_JSON_BYTES = 1_000_000
MAX_IMPORT_MB = env.integer("MAX_IMPORT_MB", 2048, minimum=1)
# Beyond our own limit, so that the API's refusal is ours, with its code.
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * MAX_JSON_BYTES
FILE_UPLOAD_MAX_MEMORY_SIZE = MAX_JSON_BYTES
FILE_UPLOAD_HANDLERS = [
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "reconciliation.services.arriving.ArrivingHandler",
]

REST_FRAMEWORK: dict[str, object] = {"DEFAULT_SCHEMA_CLASS": "payments.api.view_schema.ViewSchema"}
SPECTACULAR_SETTINGS: dict[str, object] = {
    "TITLE": "Onetill",
    "DESCRIPTION": "One ledger for everything a shop is paid, online and at the counter.",
    "VERSION": "v1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SCHEMA_PATH_PREFIX": "/",
    "POSTPROCESSING_HOOKS": ["payments.api.openapi.complete"],
}

# E-mail: kept as files unless a server is named; a log is no place for people's addresses.
EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.integer("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", bool(EMAIL_HOST))
EMAIL_TIMEOUT = 10
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'filebased'}.EmailBackend"
EMAIL_FILE_PATH = ONETILL_HOME / "mail"
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "onetill@localhost")
RECEIPT_FONT = env.text("RECEIPT_FONT")  # for names beyond Western European letters; else one that is installed

if "*" in ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS names the hosts to answer to; * would let anyone choose one.")
if DEBUG and HTTPS:
    raise ImproperlyConfigured("DEBUG=1 shows people's data on error pages; it cannot be set with an https PUBLIC_URL.")
