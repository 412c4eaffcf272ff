"""The venue's refusals, by its own codes and words."""

from __future__ import annotations


class VenueError(Exception):
    """A request that the venue refuses.

    Parameters
    ----------
    code : int
        Binance's own, negative.
    message : str
        Its own words.
    status : int
        Of the HTTP answer.
    """

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def refused(code: int, status: int = 400) -> VenueError:
    """For no reason that the one who asks could know."""
    return VenueError(code, "Internal error; unable to process your request. Please try again.", status)


def filter_failed(name: str) -> VenueError:
    return VenueError(-1013, f"Filter failure: {name}")


def mandatory(parameter: str) -> VenueError:
    return VenueError(-1102, f"Mandatory parameter '{parameter}' was not sent, was empty/null, or malformed.")


def illegal(parameter: str) -> VenueError:
    return VenueError(-1100, f"Illegal characters found in parameter '{parameter}'.")


def would_take() -> VenueError:
    return VenueError(-2010, "Order would immediately match and take.")


def no_funds() -> VenueError:
    return VenueError(-2010, "Account has insufficient balance for requested action.")


def duplicate() -> VenueError:
    return VenueError(-2010, "Duplicate order sent.")


def unknown_to_cancel() -> VenueError:
    return VenueError(-2011, "Unknown order sent.")


def unknown_to_query() -> VenueError:
    return VenueError(-2013, "Order does not exist.")


def invalid_symbol() -> VenueError:
    return VenueError(-1121, "Invalid symbol.")


# -- of futures alone --------------------------------------------------------------------------------------------


def no_margin() -> VenueError:
    return VenueError(-2019, "Margin is insufficient.")


def would_not_reduce() -> VenueError:
    return VenueError(-2022, "ReduceOnly Order is rejected.")


def not_as_maker() -> VenueError:
    words = "Due to the order could not be executed as maker, the Post Only order will be rejected."
    return VenueError(-5022, words)


def not_at_once() -> VenueError:
    return VenueError(-5021, "Due to the order could not be filled immediately, the FOK order has been rejected.")
