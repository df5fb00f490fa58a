"""Facts about models as data: one TOML file a provider, each fact with its source and date."""

from .lookup import built_in, facts_of
from .model import CacheFacts, ModelFacts, Provenance, RoleFacts

__all__ = ["CacheFacts", "ModelFacts", "Provenance", "RoleFacts", "built_in", "facts_of"]
