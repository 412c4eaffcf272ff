"""A hummingbot file of the strategy ``pure_market_making`` -> a configuration of ours.

Every key has a place here: it becomes a parameter, it is so anyway, it was switched off, or it has no equal and the
reason is told. Percent become basis points, seconds milliseconds where ours are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from ultramm.errors import ConfigError

STRATEGY = "pure_market_making"

Fate = Literal["becomes", "is so anyway", "was off", "no equal"]

_OFF: tuple[Any, ...] = (None, False, -1, 0, "", "None", "none", {}, [])
_POSITIONS = 5  # ladders that the largest position may hold


class Key(msgspec.Struct, frozen=True):
    """What became of one key; `note` is the parameter, or in words why there is none."""

    key: str
    value: Any
    fate: Fate
    note: str


class Imported(msgspec.Struct, frozen=True):
    """Our configuration, ready to be written, and the account of every key."""

    config: dict[str, Any]
    keys: tuple[Key, ...]


def import_file(path: Path) -> Imported:
    """Translate a file.

    Raises
    ------
    ConfigError
        It cannot be read, is of another strategy, or lacks what is needed; names the key.
    """
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read: {exc.strerror or exc}") from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: is no YAML: {' '.join(str(exc).split())}") from exc
    if not isinstance(read, dict):
        raise ConfigError(f"{path}: holds no keys; give the conf_....yml that hummingbot wrote")
    if read.get("strategy") != STRATEGY:
        raise ConfigError(f"{path}: strategy: is {read.get('strategy')!r}; only {STRATEGY} can be imported")
    return _Translation(path, read).result()


class _Translation:
    def __init__(self, path: Path, read: dict[str, Any]) -> None:
        self._path = path
        self._read = read
        self._params: dict[str, Any] = {}
        self._keys: list[Key] = []

    def result(self) -> Imported:
        venue, base, quote = self._market()
        for key in ("order_amount", "bid_spread", "ask_spread"):
            self._number(key, needed=True)
        for key, value in self._read.items():
            self._keys.append(Key(key, value, *self._fate(key, value)))
        params = self._params
        evenly = params["order_size"] * params.get("levels", 1)
        one_by_one = [sum(level["size"] for level in params.get(side, ())) for side in _LEVELS.values()]
        params["max_position"] = round(_POSITIONS * max(evenly, *one_by_one), 12)
        symbol = f"{base}{quote}"
        config = {
            "mode": "paper",
            "name": self._path.stem,
            "venues": {
                venue: {
                    "adapter": "synthetic",
                    "instruments": [symbol],
                    "params": {"preset": "tight"},
                    "paper": {"starting_balances": [f"1000000 {quote}", f"{2 * params['max_position']:g} {base}"]},
                }
            },
            "strategies": [
                {"use": "market-maker", "name": "pmm", "instruments": [f"{symbol}.{venue}"], "params": params}
            ],
        }
        return Imported(config, tuple(self._keys))

    def _market(self) -> tuple[str, str, str]:
        base, _, quote = str(self._read.get("market", "")).partition("-")
        if not (base.isalnum() and quote.isalnum()):
            raise ConfigError(f"{self._path}: market: {self._read.get('market')!r} is no pair such as BTC-USDT")
        exchange = str(self._read.get("exchange", "")).removesuffix("_paper_trade")
        if not exchange:
            raise ConfigError(f"{self._path}: exchange: is missing; write such as binance")
        return re.sub(r"[^A-Z0-9]", "_", exchange.upper()), base.upper(), quote.upper()

    def _number(self, key: str, *, needed: bool = False) -> float:
        value = self._read.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            if value is None and not needed:
                return 0.0
            problem = "is missing" if value is None else f"{value!r} is no number"
            raise ConfigError(f"{self._path}: {key}: {problem}; write such as 0.5")
        return float(value)

    def _fate(self, key: str, value: Any) -> tuple[Fate, str]:
        if key in _PLACE:
            return "becomes", _PLACE[key]
        if key in _ALWAYS:
            return "is so anyway", _ALWAYS[key]
        if key in _SCALED:
            return self._scaled(key, value)
        if key in _SWITCHES:
            return self._switch(key, value)
        if key in _OWN_RULE:
            return _OWN_RULE[key](self, value)
        if value in _OFF or self._read.get(_ONLY_WITH.get(key, key)) in _OFF:
            return "was off", "nothing to do"
        if key in _NO_EQUAL:
            return "no equal", _NO_EQUAL[key]
        return "no equal", f"is no key of {STRATEGY} that we know"

    def _set(self, name: str, value: Any) -> tuple[Fate, str]:
        self._params[name] = value
        return "becomes", f"{name}: {value}"

    def _scaled(self, key: str, value: Any) -> tuple[Fate, str]:
        name, scale = _SCALED[key]
        if value in (None, -1):
            return "was off", "nothing to do"
        number = self._number(key)
        if number < 0 or (number == 0 and key in _OFF_AT_ZERO):
            return "was off", "nothing to do"
        scaled = round(number * scale, 9)
        return self._set(name, int(scaled) if isinstance(value, int) and scaled == int(scaled) else scaled)

    def _switch(self, key: str, value: Any) -> tuple[Fate, str]:
        return self._set(_SWITCHES[key], bool(value))

    def _price_type(self, value: Any) -> tuple[Fate, str]:
        known = {"mid_price": "mid", "last_price": "last"}
        if value in known:
            return self._set("fair_value", known[value])
        if value in _OFF:
            return "was off", "nothing to do"
        return "no equal", "quotes are placed around mid, weighted-mid or last"

    def _price_source(self, value: Any) -> tuple[Fate, str]:
        if value in (*_OFF, "current_market"):
            return "is so anyway", "prices are of the market that is quoted"
        return "no equal", _OTHER_PRICE if value == "external_market" else _CUSTOM_PRICE

    def _band(self, value: Any) -> tuple[Fate, str]:
        if not value:
            return "was off", "nothing to do"
        above, below = self._number("price_ceiling_pct"), -self._number("price_floor_pct")
        widths = [width for width in (above, below) if width > 0]
        if not widths:
            return "no equal", "has no width: price_ceiling_pct is not above zero, nor price_floor_pct below it"
        fate, note = self._set("band_bps", round(100 * min(widths), 9))
        if self._read.get("price_band_refresh_time"):
            self._params["band_refresh_s"] = self._number("price_band_refresh_time")
        return fate, note if above == below else f"{note}, the nearer of its two limits"

    def _skew(self, value: Any) -> tuple[Fate, str]:
        # Sizes lean, prices do not.
        self._set("skew", 0.0)
        return self._set("size_skew", 1.0 if value else 0.0)

    def _hanging(self, value: Any) -> tuple[Fate, str]:
        if value and self._number("hanging_orders_cancel_pct") > 0:
            self._params["hanging_cancel_bps"] = round(100 * self._number("hanging_orders_cancel_pct"), 9)
        return self._set("hanging_orders", bool(value))

    def _optimization(self, value: Any) -> tuple[Fate, str]:
        if not value:
            return "was off", "nothing to do"
        for key, name in _DEPTHS.items():
            self._params[name] = self._number(key)
        return self._set("placement", "improve")

    def _level_amount(self, value: Any) -> tuple[Fate, str]:
        if value in _OFF or self._read.get("order_override") or self._read.get("split_order_levels_enabled"):
            return "was off", "nothing to do"
        count = int(self._number("order_levels") or 1)
        step, first, more = (self._number(key) for key in ("order_level_spread", "order_amount", "order_level_amount"))
        for side, name in _LEVELS.items():
            spread = self._number(f"{side}_spread")
            self._params[name] = [_level(spread + level * step, first + level * more) for level in range(count)]
        return "becomes", f"{' and '.join(_LEVELS.values())}, one by one"

    def _split(self, value: Any) -> tuple[Fate, str]:
        if not value:
            return "was off", "nothing to do"
        for side, name in _LEVELS.items():
            spreads, amounts = (self._list(f"{side}_order_level_{what}") for what in ("spreads", "amounts"))
            if len(spreads) != len(amounts):
                raise ConfigError(
                    f"{self._path}: {side}_order_level_amounts: has {len(amounts)} values, the spreads are "
                    f"{len(spreads)}; give one for each level"
                )
            self._params[name] = sorted(map(_level, spreads, amounts), key=lambda level: level["at_bps"])
        return "becomes", f"{' and '.join(_LEVELS.values())}, one by one"

    def _list(self, key: str) -> list[float]:
        value = self._read.get(key)
        parts = value if isinstance(value, list) else str(value).split(",")
        try:
            return [float(part) for part in parts]
        except (TypeError, ValueError) as exc:
            raise ConfigError(f"{self._path}: {key}: {value!r} is no list of numbers; write such as 0.1,0.2") from exc

    def _override(self, value: Any) -> tuple[Fate, str]:
        if value in _OFF:
            return "was off", "nothing to do"
        sides: dict[str, list[dict[str, float]]] = {"buy": [], "sell": []}
        try:
            for side, spread, amount in value.values():
                sides[side].append(_level(float(spread), float(amount)))
        except (AttributeError, KeyError, TypeError, ValueError) as exc:
            problem = "is no list of orders; write such as order_1: [buy, 0.5, 0.01]"
            raise ConfigError(f"{self._path}: order_override: {problem}") from exc
        if not all(sides.values()):
            return "no equal", "has orders of one side only; the other side cannot be left out"
        for name, levels in zip(_LEVELS.values(), sides.values(), strict=True):
            self._params[name] = sorted(levels, key=lambda level: level["at_bps"])
        return "becomes", f"{' and '.join(_LEVELS.values())}, one by one"

    def _minimum_spread(self, value: Any) -> tuple[Fate, str]:
        if value is None or self._number("minimum_spread") < 0:
            return "was off", "nothing to do"
        return "no equal", "an order is replaced as soon as it is off by more than tolerance_bps"


def _level(spread_pct: float, amount: float) -> dict[str, float]:
    return {"at_bps": round(100 * spread_pct, 9), "size": round(amount, 12)}


_LEVELS = {"bid": "bid_levels", "ask": "ask_levels"}
_DEPTHS = {"bid_order_optimization_depth": "placement_depth", "ask_order_optimization_depth": "ask_placement_depth"}

# Percent are basis points times 100; (our parameter, factor).
_SCALED: dict[str, tuple[str, float]] = {
    "bid_spread": ("half_spread_bps", 100.0),
    "ask_spread": ("ask_half_spread_bps", 100.0),
    "order_refresh_time": ("refresh_ms", 1000.0),
    "max_order_age": ("max_order_age_s", 1.0),
    "order_refresh_tolerance_pct": ("tolerance_bps", 100.0),
    "order_amount": ("order_size", 1.0),
    "order_levels": ("levels", 1),
    "order_level_spread": ("level_step_bps", 100.0),
    "price_ceiling": ("price_ceiling", 1.0),
    "price_floor": ("price_floor", 1.0),
    "filled_order_delay": ("fill_pause_s", 1.0),
}
_OFF_AT_ZERO = ("price_ceiling", "price_floor", "max_order_age")
_SWITCHES = {
    "ping_pong_enabled": "ping_pong",
    "add_transaction_costs": "cover_fees",
    "take_if_crossed": "take_if_crossed",
}
_PLACE = {
    "exchange": "the venue; its market is the built-in one until an adapter is named",
    "market": "the instrument",
}
_ALWAYS = {
    "template_version": "ours is checked by `ultramm config check`",
    "strategy": "use: market-maker",
    "should_wait_order_cancel_confirmation": "orders count until the venue has confirmed their end",
    "price_ceiling_pct": "see moving_price_band_enabled",
    "price_floor_pct": "see moving_price_band_enabled",
    "price_band_refresh_time": "see moving_price_band_enabled",
    "hanging_orders_cancel_pct": "see hanging_orders_enabled",
    "bid_order_optimization_depth": "see order_optimization_enabled",
    "ask_order_optimization_depth": "see order_optimization_enabled",
    "bid_order_level_spreads": "see split_order_levels_enabled",
    "ask_order_level_spreads": "see split_order_levels_enabled",
    "bid_order_level_amounts": "see split_order_levels_enabled",
    "ask_order_level_amounts": "see split_order_levels_enabled",
}
_OWN_RULE: dict[str, Callable[[_Translation, Any], tuple[Fate, str]]] = {
    "price_type": _Translation._price_type,
    "price_source": _Translation._price_source,
    "moving_price_band_enabled": _Translation._band,
    "inventory_skew_enabled": _Translation._skew,
    "order_level_amount": _Translation._level_amount,
    "minimum_spread": _Translation._minimum_spread,
    "hanging_orders_enabled": _Translation._hanging,
    "order_optimization_enabled": _Translation._optimization,
    "split_order_levels_enabled": _Translation._split,
    "order_override": _Translation._override,
}
# Keys that say nothing while another is off.
_ONLY_WITH = {
    "inventory_target_base_pct": "inventory_skew_enabled",
    "inventory_range_multiplier": "inventory_skew_enabled",
    "custom_api_update_interval": "price_source_custom_api",
}
_OTHER_PRICE = "an adapter must be named first; then set fair_value: reference and reference: SYMBOL.VENUE"
_CUSTOM_PRICE = "prices are those of markets; an adapter can bring any of them"
_NO_EQUAL = {
    "inventory_target_base_pct": "inventory counts from the start, so start with the share you want",
    "inventory_range_multiplier": "sizes lean as far as max_position",
    "inventory_price": "fair value does not depend on what was paid",
    "price_source_exchange": _OTHER_PRICE,
    "price_source_market": _OTHER_PRICE,
    "price_source_custom_api": _CUSTOM_PRICE,
    "custom_api_update_interval": _CUSTOM_PRICE,
}
