"""What all settings share: unknown keys are refused, secrets are kept out of files, paths are relative to the file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError

from flightwatch.errors import ConfigError

ANYWHERE = "anywhere"


class Section(BaseModel):
    """One table of the configuration. Frozen: settings are read once and passed down."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)

    def secret(self, key: str) -> str | None:
        """A secret's value: from the environment, or from the file that `<key>_file` names; None if neither is given.

        The file is read now, not when the configuration is loaded, so a rotated secret is picked up. One trailing
        newline is removed, because editors and `echo` add it.
        """
        value = getattr(self, key)
        if isinstance(value, SecretStr):
            return value.get_secret_value()
        if value:
            return str(value)
        path: Path | None = getattr(self, f"{key}_file", None)
        return None if path is None else read_secret(path, f"{key}_file")


def read_secret(path: Path, key: str) -> str:
    """The text of a secret's file without its last newline; ConfigError if it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ConfigError(f"{key}: the secret file {path} is not text") from None
    except OSError as error:
        raise ConfigError(f"{key}: the secret file {path} cannot be read ({error.strerror or 'I/O error'})") from None
    if not text.strip():
        raise ConfigError(f"{key}: the secret file {path} is empty")
    return text


def _no_plain_secret(value: Any) -> Any:
    """The loader wraps values from the environment; a bare string was written in the file."""
    if isinstance(value, str):
        raise PydanticCustomError("secret_in_file", "a secret does not belong in the configuration file")
    return value


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _anchored(value: Path, info: ValidationInfo) -> Path:
    base = (info.context or {}).get("base")
    return value if base is None or value.is_absolute() else Path(base) / value


def _upper(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value.strip().upper() for value in values)


def _types(values: tuple[str, ...]) -> tuple[str, ...]:
    """ICAO Doc 8643 gives every aircraft type two to four letters and digits. A misspelt type would never be heard."""
    for value in values:
        if not re.fullmatch(r"[0-9A-Z]{2,4}", value):
            bare = re.sub(r"[^0-9A-Z]", "", value)
            hint = f"; did you mean {bare}?" if 2 <= len(bare) <= 4 else ""
            raise ValueError(f"{value!r} is not an ICAO type designator such as IL76{hint}")
    return values


def _icao24(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not re.fullmatch(r"[0-9a-fA-F]{6}", value):
            raise ValueError(f"an ICAO 24-bit address is six hex digits, which {value!r} is not")
    return tuple(value.lower() for value in values)


class Trusted(str):
    """A text that was not written in the file: from a variable, the command line or a secret's file."""


def _no_credentials(value: Any) -> Any:
    """An address with a password in it is a secret, and so is a Slack webhook."""
    if isinstance(value, Trusted) or not isinstance(value, str):
        return value
    if re.search(r"://[^/@\s]*:[^/@\s]+@", value) or "hooks.slack.com/services/" in value:
        raise PydanticCustomError("secret_in_file", "an address with credentials in it is a secret")
    return value


def _web(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s/]+\S*", value):
        raise ValueError(f"{value!r} is no web address: it begins with https:// or http://")
    return value


Secret = Annotated[SecretStr, BeforeValidator(_no_plain_secret)]
PlainUrl = Annotated[str, BeforeValidator(_no_credentials)]
WebUrl = Annotated[PlainUrl, AfterValidator(_web)]
AnchoredPath = Annotated[Path, AfterValidator(_anchored)]
Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
Codes = Annotated[Names, AfterValidator(_upper)]
Types = Annotated[Codes, AfterValidator(_types)]
Addresses = Annotated[Names, AfterValidator(_icao24)]
