"""What the OpenAPI document tells of one method of an address: what its docstring says, and who may ask."""

from typing import Final

from drf_spectacular.openapi import AutoSchema

ANY_KEY: Final = "Every key may ask."


class ViewSchema(AutoSchema):
    """Describes a method by its own docstring, never by that of its class, and names the scope that it needs."""

    def get_description(self) -> str:  # type: ignore[override]  # as drf-spectacular has it, not as DRF
        method = getattr(self.view, self.method.lower())
        return " ".join(filter(None, [" ".join((method.__doc__ or "").split()), self._scope()]))

    def _scope(self) -> str:
        scopes = getattr(self.view, "scopes", None)
        if scopes is None:
            return ""
        scope = scopes.get(self.method)
        return f"Needs the scope `{scope}`." if scope else ANY_KEY
