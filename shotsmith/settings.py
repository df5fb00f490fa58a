"""Settings: environment over `shotsmith.toml` over defaults."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from .domain.errors import InvalidParameter


class Settings(BaseSettings):
    """Where things are kept and which engines serve them. Every field is `SHOTSMITH_<NAME>` in the environment."""

    model_config = SettingsConfigDict(
        env_prefix="SHOTSMITH_", toml_file="shotsmith.toml", frozen=True, extra="forbid"
    )

    data_dir: Path = Field(Path(".shotsmith"), description="Database, blobs and embedded index live here.")
    database_url: str | None = Field(
        None, description="SQLAlchemy URL. Default: SQLite in the data directory."
    )
    blob_url: str | None = Field(
        None, description="obstore URL (file://, s3://, memory://). Default: `blobs` in the data directory."
    )
    index_url: str | None = Field(
        None,
        description='"memory:", or http(s)://HOST:PORT[?grpc=PORT] of a Qdrant server. '
        "Default: the embedded index in the data directory.",
    )
    index_api_key: SecretStr | None = Field(None, description="API key of the Qdrant server.")
    encoder: str | None = Field(
        None,
        description='Encoder of new pools, e.g. "embedded" or "clip". When set, pools built with another are refused.',
    )
    model: str = Field("offline/knn-vote", description="Model that answers when a call names none.")
    model_api_base: str | None = Field(
        None, description="Endpoint for the model, when not the provider's own."
    )
    model_api_key: SecretStr | None = Field(
        None, description="Key for the model, when not in the provider's variable."
    )
    summary_model: str | None = Field(
        None,
        description="Model that puts images into words for `dialect=text`. Default: the one that answers.",
    )
    facts: Path | None = Field(
        None, description="TOML file of facts about models; what it says stands above the built-in facts."
    )
    executor: Literal["local", "process", "ray"] = Field(
        "local", description="Where experiments run: in this process, in worker processes, on a Ray cluster."
    )
    ray_address: str | None = Field(
        None, description="Of the Ray cluster. Default: one on this machine, while it is needed."
    )
    max_image_pixels: int = Field(
        50_000_000, ge=1, description="Larger images are refused before they are decoded."
    )
    max_image_bytes: int = Field(30_000_000, ge=1, description="Larger files are refused.")
    max_audio_bytes: int = Field(30_000_000, ge=1, description="Larger sounds are refused.")
    max_audio_seconds: float = Field(600, gt=0, description="Longer sounds are refused.")
    max_video_bytes: int = Field(100_000_000, ge=1, description="Larger videos are refused.")
    max_video_seconds: float = Field(600, gt=0, description="Longer videos are refused.")
    max_body_bytes: int = Field(268_435_456, ge=1, description="Larger HTTP requests are refused.")
    host: str = Field("127.0.0.1", description="Address `shotsmith serve` listens on.")
    port: int = Field(8080, ge=0, le=65535, description="Port `shotsmith serve` listens on.")
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="`auto`: console in a terminal."
    )

    @classmethod
    def read(cls, **given: Any) -> Self:
        """Settings from arguments, environment and TOML file.

        Raises:
            InvalidParameter: Naming what is wrong, without its value: it may be a key.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            name = ".".join(str(step) for step in first["loc"])
            mend = f"Set SHOTSMITH_{name.upper()}, or {name} in shotsmith.toml, to something else"
            raise InvalidParameter(str(first["msg"]).lower(), field=f"settings.{name}", mend=mend) from None
        except tomllib.TOMLDecodeError as error:
            raise InvalidParameter(
                f"not TOML: {error}", field="shotsmith.toml", mend="Mend that line"
            ) from None

    @property
    def local(self) -> bool:
        """Whether any store is a file of this machine or in this process."""
        urls = (self.database_url, self.blob_url, self.index_url)
        return any(url is None or url.startswith(("sqlite:", "file:", "memory:")) for url in urls)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the TOML file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)
