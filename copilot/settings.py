"""Settings: read from the environment and checked once, at start."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from policy.errors import Misconfigured

_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[\w.-]+)(:\d{1,5})?", re.IGNORECASE | re.ASCII)
_NEO4J_SCHEMES = {f"{one}{tls}" for one in ("bolt", "neo4j") for tls in ("", "+s", "+ssc")}
_DEFAULT_PORT = re.compile(r"^(?:(http://.+):80|(https://.+):443)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that the environment decides. Secrets do not show in repr."""

    data_dir: Path = Path(".copilot")
    models_dir: Path = Path(".copilot/models")
    """Where the exported embedder lies; several data directories may share it."""
    embedding_model: str | None = None
    """A built-in embedding model, or the folder of another (`retrieval.embedding_card`); else the store's own."""
    database_url: str | None = field(default=None, repr=False)
    opa_url: str | None = field(default=None, repr=False)
    neo4j_url: str | None = field(default=None, repr=False)
    """Where the graph is projected to; without it the graph is read from Postgres."""
    neo4j_user: str = "neo4j"
    neo4j_password: str | None = field(default=None, repr=False)
    neo4j_timeout_s: float = 2.0
    """For one read; a batch of writes gets thirty times as much."""
    anthropic_api_key: str | None = field(default=None, repr=False)
    anthropic_base_url: str | None = field(default=None, repr=False)
    model: str | None = None
    model_fallback: bool = False
    """Whether the offline generator may answer when the configured model cannot."""
    model_timeout_s: float = 60.0
    principals: Path | None = None
    act_as: str | None = None
    jwt_secret: str | None = field(default=None, repr=False)
    jwks_url: str | None = field(default=None, repr=False)
    ledger_key: str | None = field(default=None, repr=False)
    """What signs the ledger's checkpoints, or the old key and the new one; else one is kept in the data directory."""
    ledger_publish: tuple[str, ...] = field(default=(), repr=False)
    """Where checkpoints go outside of the database (`copilot.ledger.destinations`)."""
    ledger_publish_s: float = 60.0
    """How often; what came after the last one published can still be rewritten by who has the key."""
    jwt_audience: str = "copilot"
    jwt_issuer: str | None = None
    enabled: bool = True
    graphrag_enabled: bool = True
    context_tokens: int = 2_400
    """How much of the sources is passed on at most, in tokens as `retrieval.tokens` estimates them."""
    policy_filter_strict: bool = False
    """Whether an answer in which the output scan finds anything is refused, rather than redacted."""
    canaries: Path | None = None
    """Texts, one a line, that must never come out of the house."""
    tenants: Path | None = None
    """Settings of tenants, and where their own policies lie (`policy.installation`)."""
    accreditations: Path | None = None
    """What providers of language models may be given, where it differs from the rules' defaults."""
    opa: str = "opa"
    """The OPA binary that `copilot policy` tests and builds bundles with."""
    trusted_documents: bool = True
    """Whether only the operations of `graphql/operations` are executed; never so in the demo."""
    allowed_origins: tuple[str, ...] = ()
    """Origins besides the server's own whose pages may send requests."""
    rate_limit: int = 60_000
    """Cost units that one person may ask for in a minute (an ask costs some 250); 0 is no limit."""
    log_level: str | None = None
    database_timeout_s: float = 5.0
    policy_timeout_s: float = 1.0

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> "Settings":
        """Reads `COPILOT_*` and the usual names of servers; refuses what cannot be meant."""
        data_dir = Path(env.get("COPILOT_DATA_DIR") or ".copilot")
        return cls(
            data_dir=data_dir,
            models_dir=Path(env.get("COPILOT_MODELS_DIR") or data_dir / "models"),
            embedding_model=env.get("COPILOT_EMBEDDING_MODEL") or None,
            database_url=_url(env, "DATABASE_URL", {"postgres", "postgresql"}),
            opa_url=_url(env, "OPA_URL", {"http", "https"}),
            neo4j_url=_neo4j_url(env),
            neo4j_user=env.get("NEO4J_USER") or "neo4j",
            neo4j_password=env.get("NEO4J_PASSWORD") or None,
            neo4j_timeout_s=_seconds(env, "COPILOT_NEO4J_TIMEOUT", 2.0),
            anthropic_api_key=env.get("ANTHROPIC_API_KEY") or None,
            anthropic_base_url=_url(env, "ANTHROPIC_BASE_URL", {"http", "https"}),
            model=env.get("COPILOT_MODEL") or None,
            model_fallback=_switch(env, "COPILOT_MODEL_FALLBACK", default=False),
            model_timeout_s=_seconds(env, "COPILOT_MODEL_TIMEOUT", 60.0),
            principals=_path(env, "COPILOT_PRINCIPALS"),
            act_as=env.get("COPILOT_AS") or None,
            jwt_secret=_secret(env, "COPILOT_JWT_SECRET"),
            jwks_url=_url(env, "COPILOT_JWKS_URL", {"http", "https"}),
            ledger_key=env.get("COPILOT_LEDGER_KEY") or None,
            ledger_publish=tuple(env.get("COPILOT_LEDGER_PUBLISH", "").split()),
            ledger_publish_s=_seconds(env, "COPILOT_LEDGER_PUBLISH_SECONDS", 60.0),
            jwt_audience=env.get("COPILOT_JWT_AUDIENCE") or "copilot",
            jwt_issuer=env.get("COPILOT_JWT_ISSUER") or None,
            enabled=_switch(env, "COPILOT_ENABLED", default=True),
            graphrag_enabled=_switch(env, "COPILOT_GRAPHRAG_ENABLED", default=True),
            context_tokens=_tokens(env, "COPILOT_CONTEXT_TOKENS", 2_400),
            policy_filter_strict=_switch(env, "COPILOT_POLICY_FILTER_STRICT", default=False),
            canaries=_path(env, "COPILOT_CANARIES"),
            tenants=_path(env, "COPILOT_TENANTS"),
            accreditations=_path(env, "COPILOT_ACCREDITATIONS"),
            opa=env.get("COPILOT_OPA") or "opa",
            trusted_documents=_switch(env, "COPILOT_TRUSTED_DOCUMENTS", default=True),
            allowed_origins=_origins(env, "COPILOT_ALLOWED_ORIGINS"),
            rate_limit=_units(env, "COPILOT_RATE_LIMIT", 60_000),
            log_level=_level(env),
            database_timeout_s=_seconds(env, "COPILOT_DATABASE_TIMEOUT", 5.0),
            policy_timeout_s=_seconds(env, "COPILOT_POLICY_TIMEOUT", 1.0),
        )


def _path(env: Mapping[str, str], name: str) -> Path | None:
    return Path(env[name]) if env.get(name) else None


def _url(env: Mapping[str, str], name: str, schemes: set[str]) -> str | None:
    value = env.get(name) or None
    if value is not None and not _is_url(value, schemes):
        # The value is not repeated: it may hold a password.
        wanted = " or ".join(f"{one}://" for one in sorted(schemes))
        raise Misconfigured(f"{name} must be a URL that begins with {wanted}")
    return value


def _neo4j_url(env: Mapping[str, str]) -> str | None:
    url = _url(env, "NEO4J_URL", _NEO4J_SCHEMES)
    if url is not None and not env.get("NEO4J_PASSWORD"):
        raise Misconfigured("NEO4J_URL is set and NEO4J_PASSWORD is not: say both or neither")
    return url


def _is_url(value: str, schemes: set[str]) -> bool:
    try:
        scheme = urlsplit(value).scheme
    except ValueError:
        return False
    return scheme in schemes and value.startswith(f"{scheme}://")


def _switch(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = env.get(name, "").strip().lower()
    if value not in {"", "true", "false", "1", "0", "on", "off"}:
        raise Misconfigured(f"{name} must be true or false, not {value!r}")
    return value in {"true", "1", "on"} if value else default


def _origins(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Origins as browsers send them: in lower case, without a default port."""
    given = [one.strip().rstrip("/") for one in env.get(name, "").split(",") if one.strip()]
    for one in given:
        if not _ORIGIN.fullmatch(one):
            raise Misconfigured(
                f"{name} must list origins such as https://desk.example, with commas between,"
                f" not {one!r}"
            )
    return tuple(_DEFAULT_PORT.sub(r"\1\2", one.lower()) for one in given)


def _units(env: Mapping[str, str], name: str, default: int) -> int:
    value = env.get(name, "").strip() or str(default)
    if not (value.isascii() and value.isdecimal() and len(value) < 10):
        raise Misconfigured(f"{name} must be a whole number, 0 for no limit, not {value!r}")
    return int(value)


def _tokens(env: Mapping[str, str], name: str, default: int) -> int:
    """At least what the longest chunk may take, or a budget could leave nothing to answer from."""
    value = env.get(name, "").strip() or str(default)
    digits = value.isascii() and value.isdecimal() and len(value) < 7
    if not (digits and 2_000 <= int(value) <= 100_000):
        raise Misconfigured(f"{name} must be a whole number from 2000 to 100000, not {value!r}")
    return int(value)


def _level(env: Mapping[str, str]) -> str | None:
    value = env.get("COPILOT_LOG", "").upper() or None
    if value not in {None, "DEBUG", "INFO", "WARNING", "ERROR"}:
        raise Misconfigured(f"COPILOT_LOG must be DEBUG, INFO, WARNING or ERROR, not {value!r}")
    return value


def _seconds(env: Mapping[str, str], name: str, default: float) -> float:
    try:
        seconds = float(env.get(name) or default)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise Misconfigured(
            f"{name} must be a number of seconds above 0 and up to 3600, not {env.get(name)!r}"
        )
    return seconds


def _secret(env: Mapping[str, str], name: str) -> str | None:
    value = env.get(name) or None
    if value is not None and len(value.encode()) < 32:
        raise Misconfigured(
            f"{name} must have at least 32 bytes; make one with: openssl rand -hex 32"
        )
    return value
