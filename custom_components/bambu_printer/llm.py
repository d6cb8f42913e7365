"""Tools for language models, as part of Home Assistant's Assist API."""

from homeassistant.components.llm import LLMTools
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.llm import LLM_API_ASSIST, LLMContext

from .assist.printers import async_exposed_printers
from .assist.tools import tools_for

PROMPT = (
    "Use the bambu_printer tools for questions about and orders to 3D printers: {names}. "
    "Never confirm on behalf of the user."
)


@callback
def async_get_tools(
    hass: HomeAssistant, llm_context: LLMContext, api_id: str
) -> LLMTools | None:
    """Return the tools for the printers that are exposed to the assistant."""
    if api_id != LLM_API_ASSIST or not llm_context.assistant:
        return None
    printers = async_exposed_printers(hass, llm_context.assistant)
    if not printers:
        return None
    return LLMTools(
        tools=tools_for(printers),
        prompt=PROMPT.format(names=", ".join(printer.name for printer in printers)),
    )
