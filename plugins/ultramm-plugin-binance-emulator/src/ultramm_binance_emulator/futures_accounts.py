"""What members ask about their money, positions and settings at the futures venue."""

from __future__ import annotations

from ultramm_binance_emulator import futures_messages as messages
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.api import Parameters, Route
from ultramm_binance_emulator.contracts import MAINTENANCE, MOST_LEVERAGE, MOST_NOTIONAL
from ultramm_binance_emulator.errors import VenueError
from ultramm_binance_emulator.futures import FuturesVenue
from ultramm_binance_emulator.orders import Json
from ultramm_binance_emulator.requests import sent


class FuturesAccounts:
    """Accounts in one-way mode with cross margin: other modes are refused.

    Parameters
    ----------
    venue : FuturesVenue
        Where they are.
    """

    def __init__(self, venue: FuturesVenue) -> None:
        self._venue = venue

    def signed(self) -> list[Route]:
        """Its requests."""
        return [
            Route("GET", "/fapi/v2/account", 5, self.account),
            Route("GET", "/fapi/v3/account", 5, self.account_3),
            Route("GET", "/fapi/v2/balance", 5, self.balance),
            Route("GET", "/fapi/v3/balance", 5, self.balance),
            Route("GET", "/fapi/v2/positionRisk", 5, self.risk_2),
            Route("GET", "/fapi/v3/positionRisk", 5, self.risk),
            Route("GET", "/fapi/v1/symbolConfig", 5, self._symbol_config),
            Route("GET", "/fapi/v1/accountConfig", 5, self._account_config),
            Route("GET", "/fapi/v1/positionSide/dual", 30, lambda *_: {"dualSidePosition": False}),
            Route("POST", "/fapi/v1/positionSide/dual", 1, self._set_dual),
            Route("GET", "/fapi/v1/multiAssetsMargin", 30, lambda *_: {"multiAssetsMargin": False}),
            Route("POST", "/fapi/v1/leverage", 1, self._set_leverage),
            Route("POST", "/fapi/v1/marginType", 1, self._set_margin_type),
            Route("GET", "/fapi/v1/leverageBracket", 1, self._brackets),
            Route("GET", "/fapi/v1/commissionRate", 20, self._fees),
        ]

    def account(self, account: Account, _: Parameters) -> Json:
        venue = self._venue
        positions = [self._position(account, name) for name in venue.books]
        return {
            "feeTier": 0,
            "canTrade": True,
            "canDeposit": False,
            "canWithdraw": False,
            "updateTime": account.wallet.updated_ms,
            "multiAssetsMargin": False,
            "tradeGroupId": -1,
            **self._money(account),
            "positions": positions,
        }

    def account_3(self, account: Account, _: Parameters) -> Json:
        positions = [self._position(account, name) for name in self._bound(account)]
        return {**self._money(account), "positions": positions}

    def _money(self, account: Account) -> Json:
        venue = self._venue
        total, available = venue.total(account), venue.available(account)
        assets = [messages.account_asset(account, total, available)]
        return {**messages.account_totals(account, total, available), "assets": assets}

    def _position(self, account: Account, name: str) -> Json:
        venue = self._venue
        return messages.account_position(
            venue.books[name].symbol, venue.position(account, name), venue.margin(account, name)
        )

    def balance(self, account: Account, _: Parameters) -> list[Json]:
        (asset,) = self._money(account)["assets"]
        kept = ("asset", "crossWalletBalance", "crossUnPnl", "availableBalance", "maxWithdrawAmount", "marginAvailable")
        told = {key: asset[key] for key in kept}
        balance = {"accountAlias": "emulator", "balance": asset["walletBalance"], "updateTime": asset["updateTime"]}
        return [told | balance]

    def risk(self, account: Account, parameters: Parameters) -> list[Json]:
        venue, asked = self._venue, parameters.get("symbol")
        names = [venue.book(asked).symbol.name] if asked else self._bound(account)
        return [
            messages.position_risk(
                venue.books[name].symbol, venue.position(account, name), venue.margin(account, name), venue.mark(name)
            )
            for name in names
        ]

    def risk_2(self, account: Account, parameters: Parameters) -> list[Json]:
        venue, asked = self._venue, parameters.get("symbol")
        names = [venue.book(asked).symbol.name] if asked else list(venue.books)
        return [
            messages.position_risk_2(
                venue.books[name].symbol, venue.position(account, name), venue.margin(account, name), venue.mark(name)
            )
            for name in names
        ]

    def _bound(self, account: Account) -> list[str]:
        """Symbols in which a member has a position or orders."""
        venue = self._venue
        ordered = {order.symbol.name for order in venue.open_orders(account, {})}
        return [name for name in venue.books if name in ordered or venue.position(account, name).quantity]

    def _symbol_config(self, account: Account, parameters: Parameters) -> list[Json]:
        asked = parameters.get("symbol")
        return [
            {
                "symbol": name,
                "marginType": "CROSSED",
                "isAutoAddMargin": False,
                "leverage": self._venue.position(account, name).leverage,
                "maxNotionalValue": f"{MOST_NOTIONAL:f}",
            }
            for name in self._venue.books
            if asked in (None, "", name)
        ]

    def _account_config(self, account: Account, _: Parameters) -> Json:
        modes = {"dualSidePosition": False, "multiAssetsMargin": False, "tradeGroupId": -1}
        rights = {"feeTier": 0, "canTrade": True, "canDeposit": False, "canWithdraw": False}
        return {**rights, **modes, "updateTime": account.wallet.updated_ms}

    def _set_dual(self, _: Account, parameters: Parameters) -> Json:
        if sent(parameters, "dualSidePosition").lower() == "true":
            raise VenueError(-1000, "hedge mode is not here")
        raise VenueError(-4059, "No need to change position side.")

    def _set_leverage(self, account: Account, parameters: Parameters) -> Json:
        name, wanted = self._venue.book(parameters.get("symbol")).symbol.name, sent(parameters, "leverage")
        if not (wanted.isascii() and wanted.isdecimal()) or not 1 <= int(wanted) <= MOST_LEVERAGE:
            raise VenueError(-4028, f"Leverage {wanted} is not valid")
        self._venue.set_leverage(account, name, int(wanted))
        return {"symbol": name, "leverage": int(wanted), "maxNotionalValue": f"{MOST_NOTIONAL:f}"}

    def _set_margin_type(self, _: Account, parameters: Parameters) -> Json:
        self._venue.book(parameters.get("symbol"))
        if sent(parameters, "marginType") != "CROSSED":
            raise VenueError(-1000, "isolated margin is not here")
        raise VenueError(-4046, "No need to change margin type.")

    def _brackets(self, _: Account, parameters: Parameters) -> list[Json]:
        bracket = {
            "bracket": 1,
            "initialLeverage": MOST_LEVERAGE,
            "notionalCap": int(MOST_NOTIONAL),
            "notionalFloor": 0,
            "maintMarginRatio": float(MAINTENANCE),
            "cum": 0.0,
        }
        asked = parameters.get("symbol")
        return [{"symbol": name, "brackets": [bracket]} for name in self._venue.books if asked in (None, "", name)]

    def _fees(self, _: Account, parameters: Parameters) -> Json:
        symbol = self._venue.book(parameters.get("symbol")).symbol
        rates = {"makerCommissionRate": f"{symbol.maker_fee:f}", "takerCommissionRate": f"{symbol.taker_fee:f}"}
        return {"symbol": symbol.name, **rates}
