"""The providers that the settings name, in the order in which they are preferred."""

from typing import TYPE_CHECKING

from copilot.generation.providers import OFFLINE, Provider
from copilot.generation.router import Patience, Router
from copilot.settings import Settings

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic


def client_of(settings: Settings) -> "AsyncAnthropic | None":
    """The provider's own client, for the caller to close; None without a key."""
    if settings.anthropic_api_key is None:
        return None
    # Over a second to import: whoever has no key need not wait for it.
    from copilot.generation.anthropic import client

    return client(
        settings.anthropic_api_key,
        base_url=settings.anthropic_base_url,
        timeout_s=settings.model_timeout_s,
    )


def preferred(settings: Settings, sdk: "AsyncAnthropic | None") -> list[Provider]:
    """What is asked before the offline generator: nothing without a client."""
    if sdk is None:
        return []
    from copilot.generation.advice import LONGEST_S, AnthropicAdviser
    from copilot.generation.anthropic import Anthropic, Options

    options = Options(model=settings.model) if settings.model else Options()
    router = Router(
        Anthropic(sdk, options),
        fallback=OFFLINE.generator if settings.model_fallback else None,
        patience=Patience(total_s=settings.model_timeout_s),
    )
    adviser = AnthropicAdviser(sdk, options, timeout_s=min(LONGEST_S, settings.model_timeout_s))
    return [Provider(name="anthropic", model=options.model, generator=router, adviser=adviser)]
