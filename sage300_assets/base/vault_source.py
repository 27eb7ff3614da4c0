"""The vault as the last place in which a setting is looked for, after the environment and `.env`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsError

from sage300_assets.base.secret import Secret

if TYPE_CHECKING:
    from sage300_assets.base.settings import VaultSettings


class VaultSource(PydanticBaseSettingsSource):
    """Gives what the vault has of the settings that are set nowhere else. Nothing else is decrypted, and without a vault no key is looked for."""

    def __init__(self, kind: type[BaseSettings], where: Callable[[], VaultSettings]) -> None:
        super().__init__(kind)
        self._where = where

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        """Look up one setting."""
        return self._values({field_name}).get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Look up all that are still missing."""
        return self._values(set(self.settings_cls.model_fields) - set(self.current_state))

    def _values(self, wanted: set[str]) -> dict[str, Any]:
        where = self._where()
        if not wanted or where.vault_file is None or not where.vault_file.exists():
            return {}
        from sage300_assets.base.vault import open_vault  # noqa: PLC0415 - encryption is loaded only where there is a vault

        vault = open_vault(where.vault_file, where.vault_key.get_secret_value(), where.vault_key_file)
        there = vault.entries()
        secrets = {field: vault.get(field.upper()) for field in sorted(wanted) if field.upper() in there}
        return {field: self._prepared(field, secret) for field, secret in secrets.items() if secret is not None}

    def _prepared(self, name: str, secret: Secret) -> object:
        try:
            return self.prepare_field_value(name, self.settings_cls.model_fields[name], secret.reveal(), value_is_complex=False)
        except ValueError:  # it quotes the value
            pass
        raise SettingsError(f'error parsing value for field "{name}" from the vault')
