"""From a YAML file to a checked configuration; every complaint is one line with file, key and remedy."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from ultramm.config.schema import Config
from ultramm.errors import ConfigError, DataError
from ultramm.redis_server import is_redis_address, redis_address, require_secret

DEFAULT_PATH = Path(__file__).with_name("default.yaml")


class _Loader(yaml.SafeLoader):
    """YAML as people expect it: 5e4 is a number, a date is text, and a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                line = key_node.start_mark.line + 1
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key} is given twice, again in line {line}"
                )
            seen.add(key if isinstance(key, Hashable) else repr(key))
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), "-+0123456789"
)

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_KEY_OF_UNKNOWN = re.compile(r"unknown field `([^`]+)`")
_WHERE = re.compile(r" - at `(?:key` in `)?\$(.*)`$")


class Loaded(msgspec.Struct, frozen=True):
    """A configuration and where it came from.

    Parameters
    ----------
    secrets : frozenset of str
        Values that environment variables gave, never to be shown.
    substituted : frozenset of str
        Key paths whose value names an environment variable.
    """

    config: Config
    path: Path
    secrets: frozenset[str]
    substituted: frozenset[str]


def read(path: Path | None, overrides: Iterable[str] = (), environment: Mapping[str, str] | None = None) -> Loaded:
    """Read, substitute and validate a configuration file.

    Parameters
    ----------
    path : Path or None
        The file; None is the packaged default.
    overrides : iterable of str
        ``KEY=VALUE`` with dots between the parts of a key and list positions as numbers; VALUE is YAML.

    Raises
    ------
    ConfigError
        One line: file, key path, what is wrong, what is allowed.
    """
    source = path or DEFAULT_PATH
    document = parse(source)
    for override in overrides:
        _apply(document, override)
    found = _Found(set(), set())
    values = os.environ if environment is None else environment
    try:
        document = _substitute(document, source, values, found, "")
    except RecursionError as exc:
        raise ConfigError(f"{source}: it contains itself, through an anchor and its alias") from exc
    config = convert(document, Config, source, "")
    for key, address in (("journal.to", config.journal.to), ("state.cache", config.state.cache)):
        _check_address(key, address, source, found.secrets)
    _check_secrets(config, source, found.substituted)
    return Loaded(config, source, frozenset(found.secrets), frozenset(found.substituted))


def convert[T](value: object, to: type[T], source: Path, prefix: str) -> T:
    """`value` as the struct `to`; complaints are about the key path `prefix` of the file `source`."""
    try:
        # Not strict: what comes from the environment is text, and "8050" is a port.
        return msgspec.convert(value, to, strict=False)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"{source}: {_explain(str(exc), to, value, prefix)}") from exc


def resolved(loaded: Loaded) -> dict[str, Any]:
    """The configuration as plain values, everything that came from the environment masked."""
    plain: dict[str, Any] = msgspec.to_builtins(loaded.config)
    shown: dict[str, Any] = masked(plain, loaded)
    return shown


def masked(value: Any, loaded: Loaded) -> Any:
    """Plain values with everything that came from the environment masked."""
    return _mask(value, loaded.secrets)


def fill_in(text: str, where: str, environment: Mapping[str, str], secrets: set[str]) -> str:
    """`text` with what the environment gives for each ``${NAME}``, which `secrets` takes too.

    Raises
    ------
    ConfigError
        For a variable that is not set and has no default; the complaint begins with `where`.
    """

    def replace(match: re.Match[str]) -> str:
        name, default = match.group(1), match.group(2)
        given = environment.get(name)
        if given:
            secrets.add(given)
            return given
        if default is None:
            raise ConfigError(
                f"{where}: environment variable {name} is not set; export {name}=..., or write ${{{name}:-default}}"
            )
        return default

    return _VARIABLE.sub(replace, text)


def json_schema() -> dict[str, Any]:
    """JSON Schema of the file, for editors."""
    return msgspec.json.schema(Config)


def parse(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  (a SafeLoader)
    except OSError as exc:
        raise ConfigError(f"{path}: cannot read the configuration: {exc.strerror or exc}") from exc
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as exc:
        raise ConfigError(f"{path}: no valid YAML: {_line(exc)}") from exc
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: a configuration is a mapping of keys; see `ultramm config init`")
    return document


def _apply(document: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    override = _line(override)
    if not equals or not key:
        raise ConfigError(f"--set {override}: write KEY=VALUE, such as --set strategies.0.params.levels=3")
    try:
        value = yaml.load(text, _Loader)  # noqa: S506  (a SafeLoader)
    except yaml.YAMLError as exc:
        raise ConfigError(f"--set {override}: no valid YAML value") from exc
    target: Any = document
    parts = key.split(".")
    for part in parts[:-1]:
        target = _step(target, part, override)
    if isinstance(target, list):
        _step(target, parts[-1], override)
        target[int(parts[-1])] = value
    elif isinstance(target, dict):
        target[parts[-1]] = value
    else:
        raise ConfigError(f"--set {override}: {'.'.join(parts[:-1])} is a value, it has no keys")


def _line(text: object) -> str:
    return " ".join(str(text).split())


def _step(target: Any, part: str, override: str) -> Any:
    if isinstance(target, list):
        if not part.isdecimal() or int(part) >= len(target):
            raise ConfigError(f"--set {override}: {part} is no position in a list of {len(target)}")
        return target[int(part)]
    if isinstance(target, dict):
        return target.setdefault(part, {})
    raise ConfigError(f"--set {override}: {part} is below a value that has no keys")


class _Found(msgspec.Struct):
    """What substituting came across."""

    secrets: set[str]
    substituted: set[str]


def _substitute(value: Any, source: Path, environment: Mapping[str, str], found: _Found, where: str) -> Any:
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise ConfigError(f"{source}: {where or 'file'}: the key {key!r} must be text; put it in quotes")
        return {
            key: _substitute(item, source, environment, found, f"{where}.{key}" if where else str(key))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_substitute(item, source, environment, found, f"{where}[{index}]") for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    if _VARIABLE.search(value):
        found.substituted.add(where)
    return fill_in(value, f"{source}: {where}", environment, found.secrets)


def _check_address(key: str, address: str | None, source: Path, secrets: set[str]) -> None:
    """A pattern of the schema would show what it does not match, and with it a password."""
    if address is None or not is_redis_address(address):
        return
    try:
        require_secret(redis_address(address), secrets)
    except DataError as exc:
        raise ConfigError(f"{source}: {key}: {exc}") from exc


def _check_secrets(config: Config, source: Path, substituted: set[str]) -> None:
    """Addresses of alerts hold passwords and tokens, wherever in them; a hash can be guessed at."""
    secrets = {f"alerts.to[{index}]": url for index, url in enumerate(config.alerts.to)}
    secrets["dashboard.password"] = config.dashboard.password
    secrets["dashboard.viewer_password"] = config.dashboard.viewer_password
    if config.alerts.telegram is not None:
        secrets["alerts.telegram.token"] = config.alerts.telegram.token
    for key, value in secrets.items():
        if value and key not in substituted:
            raise secret_in_file(source, key)


def secret_in_file(source: Path, key: str) -> ConfigError:
    """The complaint of a secret that is not from the environment; the key is named, the value is not."""
    return ConfigError(f"{source}: {key}: a secret in a file; write ${{NAME}} and export NAME=...")


def _explain(message: str, to: Any, value: object, prefix: str) -> str:
    """msgspec's complaint with our key path, and the nearest spelling for an unknown key."""
    found = _WHERE.search(message)
    text = message[: found.start()] if found else message
    inner, info = _locate(found.group(1) if found else "", to, value)
    where = ".".join(part for part in (prefix, inner) if part)
    if "`key` in" in message:
        bad = next(key for key in _value_at(value, inner) if not re.search(info.key_type.pattern, key))
        return f"{where}.{bad}: a name here must match {info.key_type.pattern}, such as SIM or BINANCE_SPOT"
    unknown = _KEY_OF_UNKNOWN.search(text)
    if unknown is None:
        allowed = f"; allowed: {', '.join(map(str, info.values))}" if hasattr(info, "values") else ""
        return f"{where or 'file'}: {text[0].lower()}{text[1:]}{allowed}"
    key = _line(unknown.group(1))
    fields = [field.encode_name for field in info.fields]
    near = difflib.get_close_matches(key, fields, n=1)
    hint = f"did you mean {near[0]}?" if near else f"allowed: {', '.join(sorted(fields))}"
    return f"{f'{where}.' if where else ''}{key}: unknown key; {hint}"


def _locate(path: str, to: Any, value: Any) -> tuple[str, Any]:
    """The key path that msgspec's `path` means, with the keys of mappings named, and the type that is there."""
    info = _struct_or_self(msgspec.inspect.type_info(to))
    parts: list[str] = []
    for name, index in re.findall(r"\.([^.\[\]]+)|\[([^\]]*)\]", path):
        if name:
            info = next(field.type for field in info.fields if field.encode_name == name)
            value = value[name]
            parts.append(name)
        elif index == "...":
            info = info.value_type
            key = _failing_key(value, info)
            value = value[key]
            parts.append(key)
        else:
            info = info.item_type
            value = value[int(index)]
            parts[-1:] = [f"{parts[-1] if parts else ''}[{index}]"]
        info = _struct_or_self(info)
    return ".".join(parts), info


def _value_at(value: Any, inner: str) -> Any:
    for part in inner.split(".") if inner else ():
        value = value[part]
    return value


def _failing_key(mapping: dict[str, Any], info: Any) -> str:
    """msgspec does not say which value of a mapping is wrong: the first that does not convert."""
    to = info.cls if isinstance(info, msgspec.inspect.StructType) else object
    for key, value in mapping.items():
        try:
            msgspec.convert(value, to, strict=True)
        except msgspec.ValidationError:
            return key
    return next(iter(mapping))


def _struct_or_self(info: Any) -> Any:
    """The struct of ``Struct | None``; anything else as it is."""
    if isinstance(info, msgspec.inspect.UnionType):
        return next(member for member in info.types if not isinstance(member, msgspec.inspect.NoneType))
    return info


def _mask(value: Any, secrets: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: _mask(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_mask(item, secrets) for item in value]
    if isinstance(value, str):
        for secret in sorted(secrets, key=len, reverse=True):
            value = value.replace(secret, "****")
    return value
