"""Settings: what the environment says is taken or refused at start, and no secret shows."""

from pathlib import Path

import pytest

from copilot.settings import Settings
from policy.errors import Misconfigured

SECRET = "a secret of at least thirty-two bytes"
DESK = "https://desk.example"


def test_an_empty_environment_gives_the_defaults_of_the_class() -> None:
    assert Settings.from_environment({}) == Settings()


@pytest.mark.parametrize(
    "name",
    [
        "COPILOT_DATA_DIR",
        "COPILOT_MODELS_DIR",
        "DATABASE_URL",
        "OPA_URL",
        "NEO4J_URL",
        "NEO4J_USER",
        "NEO4J_PASSWORD",
        "COPILOT_NEO4J_TIMEOUT",
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "COPILOT_MODEL",
        "COPILOT_MODEL_FALLBACK",
        "COPILOT_MODEL_TIMEOUT",
        "COPILOT_PRINCIPALS",
        "COPILOT_AS",
        "COPILOT_JWT_SECRET",
        "COPILOT_JWKS_URL",
        "COPILOT_JWT_AUDIENCE",
        "COPILOT_JWT_ISSUER",
        "COPILOT_ENABLED",
        "COPILOT_GRAPHRAG_ENABLED",
        "COPILOT_TRUSTED_DOCUMENTS",
        "COPILOT_ALLOWED_ORIGINS",
        "COPILOT_RATE_LIMIT",
        "COPILOT_LOG",
        "COPILOT_DATABASE_TIMEOUT",
        "COPILOT_POLICY_TIMEOUT",
    ],
)
def test_an_empty_variable_is_as_good_as_none(name: str) -> None:
    assert Settings.from_environment({name: ""}) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("COPILOT_DATA_DIR", "/var/copilot", "data_dir", Path("/var/copilot")),
        ("COPILOT_DATA_DIR", "/var/copilot", "models_dir", Path("/var/copilot/models")),
        ("COPILOT_MODELS_DIR", "/var/models", "models_dir", Path("/var/models")),
        ("DATABASE_URL", "postgres://db/one", "database_url", "postgres://db/one"),
        ("DATABASE_URL", "postgresql://db/one", "database_url", "postgresql://db/one"),
        ("OPA_URL", "http://opa:8181", "opa_url", "http://opa:8181"),
        ("NEO4J_USER", "copilot", "neo4j_user", "copilot"),
        ("COPILOT_NEO4J_TIMEOUT", "0.5", "neo4j_timeout_s", 0.5),
        ("ANTHROPIC_API_KEY", "key", "anthropic_api_key", "key"),
        ("ANTHROPIC_BASE_URL", "https://proxy", "anthropic_base_url", "https://proxy"),
        ("COPILOT_MODEL", "claude-opus-5", "model", "claude-opus-5"),
        ("COPILOT_MODEL_FALLBACK", "true", "model_fallback", True),
        ("COPILOT_MODEL_TIMEOUT", "12.5", "model_timeout_s", 12.5),
        ("COPILOT_PRINCIPALS", "people.json", "principals", Path("people.json")),
        ("COPILOT_AS", "ann", "act_as", "ann"),
        ("COPILOT_JWT_SECRET", SECRET, "jwt_secret", SECRET),
        ("COPILOT_JWKS_URL", "https://idp/keys", "jwks_url", "https://idp/keys"),
        ("COPILOT_JWT_AUDIENCE", "other", "jwt_audience", "other"),
        ("COPILOT_JWT_ISSUER", "https://idp", "jwt_issuer", "https://idp"),
        ("COPILOT_ENABLED", "off", "enabled", False),
        ("COPILOT_GRAPHRAG_ENABLED", "0", "graphrag_enabled", False),
        ("COPILOT_CONTEXT_TOKENS", "8000", "context_tokens", 8_000),
        ("COPILOT_TRUSTED_DOCUMENTS", "false", "trusted_documents", False),
        ("COPILOT_ALLOWED_ORIGINS", "https://desk.example", "allowed_origins", (DESK,)),
        ("COPILOT_ALLOWED_ORIGINS", "HTTPS://Desk.example:443/", "allowed_origins", (DESK,)),
        (
            "COPILOT_ALLOWED_ORIGINS",
            "http://[::1]:8000, https://desk.example,",
            "allowed_origins",
            ("http://[::1]:8000", DESK),
        ),
        ("COPILOT_RATE_LIMIT", "0", "rate_limit", 0),
        ("COPILOT_RATE_LIMIT", " 12000 ", "rate_limit", 12_000),
        ("COPILOT_LOG", "debug", "log_level", "DEBUG"),
        ("COPILOT_DATABASE_TIMEOUT", "2", "database_timeout_s", 2.0),
        ("COPILOT_POLICY_TIMEOUT", "0.25", "policy_timeout_s", 0.25),
    ],
)
def test_each_variable_reaches_its_setting(
    name: str, value: str, field: str, expected: object
) -> None:
    assert getattr(Settings.from_environment({name: value}), field) == expected


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("true", True),
        (" TRUE ", True),
        ("1", True),
        ("on", True),
        ("false", False),
        ("False", False),
        ("0", False),
        ("off", False),
    ],
)
def test_a_switch_is_read_in_its_usual_spellings(text: str, meant: bool) -> None:
    assert Settings.from_environment({"COPILOT_ENABLED": text}).enabled is meant
    assert Settings.from_environment({"COPILOT_MODEL_FALLBACK": text}).model_fallback is meant


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://db/one"),
        ("DATABASE_URL", "db/one"),
        ("OPA_URL", "opa:8181"),
        ("NEO4J_URL", "http://graph:7474"),
        ("COPILOT_NEO4J_TIMEOUT", "0"),
        ("OPA_URL", "file:///etc/passwd"),
        ("ANTHROPIC_BASE_URL", "ftp://proxy"),
        ("COPILOT_JWKS_URL", "idp/keys"),
        ("COPILOT_CONTEXT_TOKENS", "1999"),
        ("COPILOT_CONTEXT_TOKENS", "1e4"),
        ("COPILOT_CONTEXT_TOKENS", "123456789012"),
        ("COPILOT_MODEL_FALLBACK", "maybe"),
        ("COPILOT_ENABLED", "no"),
        ("COPILOT_GRAPHRAG_ENABLED", "2"),
        ("COPILOT_LOG", "LOUD"),
        ("COPILOT_LOG", "CRITICAL"),
        ("COPILOT_MODEL_TIMEOUT", "soon"),
        ("COPILOT_MODEL_TIMEOUT", "0"),
        ("COPILOT_DATABASE_TIMEOUT", "-1"),
        ("COPILOT_DATABASE_TIMEOUT", "inf"),
        ("COPILOT_POLICY_TIMEOUT", "nan"),
        ("COPILOT_POLICY_TIMEOUT", "3601"),
        ("COPILOT_JWT_SECRET", "short"),
        ("COPILOT_TRUSTED_DOCUMENTS", "maybe"),
        ("COPILOT_ALLOWED_ORIGINS", "*"),
        ("COPILOT_ALLOWED_ORIGINS", "desk.example"),
        ("COPILOT_ALLOWED_ORIGINS", "https://desk.example/page"),
        ("COPILOT_ALLOWED_ORIGINS", "https://desk.example https://other.example"),
        ("COPILOT_ALLOWED_ORIGINS", "null"),
        ("COPILOT_RATE_LIMIT", "-1"),
        ("COPILOT_RATE_LIMIT", "1.5"),
        ("COPILOT_RATE_LIMIT", "²"),
        ("COPILOT_RATE_LIMIT", "9" * 12),
    ],
)
def test_what_cannot_be_meant_is_refused_by_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(Misconfigured, match=name):
        Settings.from_environment({name: value})


def test_a_refused_secret_or_database_url_is_not_repeated() -> None:
    for name, value in {"COPILOT_JWT_SECRET": "hunter2", "DATABASE_URL": "x://u:hunter2@h"}.items():
        with pytest.raises(Misconfigured) as refusal:
            Settings.from_environment({name: value})
        assert "hunter2" not in refusal.value.message


def test_the_length_of_a_secret_counts_in_bytes() -> None:
    assert Settings.from_environment({"COPILOT_JWT_SECRET": "é" * 16}).jwt_secret == "é" * 16
    with pytest.raises(Misconfigured, match="32 bytes"):
        Settings.from_environment({"COPILOT_JWT_SECRET": "e" * 31})


def test_secrets_do_not_show_in_repr() -> None:
    env = {
        "DATABASE_URL": "postgresql://owner:hunter2@db/one",
        "ANTHROPIC_API_KEY": "sk-hunter2",
        "COPILOT_JWT_SECRET": f"hunter2 {SECRET}",
    }
    settings = Settings.from_environment(env)
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)
    assert settings.database_url == env["DATABASE_URL"]


@pytest.mark.parametrize("scheme", ["bolt", "bolt+s", "neo4j", "neo4j+s", "neo4j+ssc"])
def test_a_neo4j_is_named_with_its_password_and_neither_shows(scheme: str) -> None:
    env = {"NEO4J_URL": f"{scheme}://hunter2.example:7687", "NEO4J_PASSWORD": "hunter2"}
    settings = Settings.from_environment(env)
    assert settings.neo4j_url == env["NEO4J_URL"]
    assert settings.neo4j_password == "hunter2"
    assert settings.neo4j_user == "neo4j"
    assert "hunter2" not in repr(settings)


def test_a_neo4j_without_a_password_is_refused() -> None:
    with pytest.raises(Misconfigured, match="NEO4J_PASSWORD"):
        Settings.from_environment({"NEO4J_URL": "bolt://graph:7687"})
