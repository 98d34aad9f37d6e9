"""The order desk's part that takes gift cards back: voided, and their money given back."""

from __future__ import annotations

from litestar import Response, post
from litestar.types import ControllerRouterHandler

from app.backoffice.frame import Area, Clerk, back, changes
from app.core.database import Database
from app.core.money import format_money
from app.core.problems import NotFound
from app.orders import gift_cards
from app.orders import workflow_queries as queries


@post("/orders/{number:str}/gift-cards/{card:int}/take-back", opt=changes(Area.PAYMENTS))
async def take_gift_card_back(clerk: Clerk, database: Database, number: str, card: int) -> Response[bytes]:
    """Void a card that nothing was spent of, and give back what was paid for it."""
    row = None if "\0" in number else await database.fetchrow(queries.ID_OF_NUMBER, number)
    if row is None:
        raise NotFound(f"There is no order {number!r}.")
    async with clerk.change("gift-card.take-back", f"order:{number}") as change:
        value = await gift_cards.take_back(change.connection, row["id"], card, actor=clerk.email)
        change.after = {"gift_card": card, "amount": value}
    return back(f"/orders/{number}", f"The card is void; {format_money(value)} are given back.")


routes: list[ControllerRouterHandler] = [take_gift_card_back]
