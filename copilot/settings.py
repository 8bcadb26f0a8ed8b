"""Settings: read from the environment and checked once, at start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from policy.errors import Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that the environment decides. Secrets do not show in repr."""

    data_dir: Path = Path(".copilot")
    models_dir: Path = Path(".copilot/models")
    """Where the exported embedder lies; several data directories may share it."""
    database_url: str | None = field(default=None, repr=False)
    opa_url: str | None = field(default=None, repr=False)
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
    jwt_audience: str = "copilot"
    jwt_issuer: str | None = None
    enabled: bool = True
    graphrag_enabled: bool = True
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
            database_url=_url(env, "DATABASE_URL", {"postgres", "postgresql"}),
            opa_url=_url(env, "OPA_URL", {"http", "https"}),
            anthropic_api_key=env.get("ANTHROPIC_API_KEY") or None,
            anthropic_base_url=_url(env, "ANTHROPIC_BASE_URL", {"http", "https"}),
            model=env.get("COPILOT_MODEL") or None,
            model_fallback=_switch(env, "COPILOT_MODEL_FALLBACK", default=False),
            model_timeout_s=_seconds(env, "COPILOT_MODEL_TIMEOUT", 60.0),
            principals=Path(env["COPILOT_PRINCIPALS"]) if env.get("COPILOT_PRINCIPALS") else None,
            act_as=env.get("COPILOT_AS") or None,
            jwt_secret=_secret(env, "COPILOT_JWT_SECRET"),
            jwks_url=_url(env, "COPILOT_JWKS_URL", {"http", "https"}),
            jwt_audience=env.get("COPILOT_JWT_AUDIENCE") or "copilot",
            jwt_issuer=env.get("COPILOT_JWT_ISSUER") or None,
            enabled=_switch(env, "COPILOT_ENABLED", default=True),
            graphrag_enabled=_switch(env, "COPILOT_GRAPHRAG_ENABLED", default=True),
            log_level=_level(env),
            database_timeout_s=_seconds(env, "COPILOT_DATABASE_TIMEOUT", 5.0),
            policy_timeout_s=_seconds(env, "COPILOT_POLICY_TIMEOUT", 1.0),
        )


def _url(env: Mapping[str, str], name: str, schemes: set[str]) -> str | None:
    value = env.get(name) or None
    if value is not None and not _is_url(value, schemes):
        # The value is not repeated: it may hold a password.
        wanted = " or ".join(f"{one}://" for one in sorted(schemes))
        raise Misconfigured(f"{name} must be a URL that begins with {wanted}")
    return value


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
