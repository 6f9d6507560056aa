"""What the kinds of the fleet API share. They are read-only for people: an instance says what it is, nobody else does."""

from typing import Annotated

from pydantic import Field

from update_core.resources.base import Resource

GROUP = "fleet.updateservice.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

Text = Annotated[str, Field(max_length=128)]


class FleetResource(Resource):
    """An object of the fleet API."""
