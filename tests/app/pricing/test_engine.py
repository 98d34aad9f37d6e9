"""The arithmetic of prices: by example, and for whatever baskets and rules there may be."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pricing.basket import (
    Action,
    AmountOff,
    BuyGet,
    FreeShipping,
    GiftCard,
    Item,
    PercentOff,
    Priced,
    Promotion,
    Shopper,
    Step,
    Tiers,
)
from app.pricing.discounts import share
from app.pricing.engine import price
from app.pricing.taxes import Place, Rate, TaxTable, tax_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TAXES = TaxTable.of(
    [
        Rate(country="DE", tax_class="standard", rate=1900),
        Rate(country="DE", tax_class="reduced", rate=700),
        Rate(country="DE", tax_class="standard", rate=0, postcode="27498"),
        Rate(country="FR", tax_class="standard", rate=2000),
        Rate(country="US", tax_class="standard", rate=725, subdivision="CA"),
        Rate(country="US", tax_class="standard", rate=950, subdivision="CA", postcode="900"),
    ],
    excluded={"US"},
)
HOME = Place("DE", "", "10115")


def item(variant: int, quantity: int, amount: int, *, tax_class: str = "standard") -> Item:
    return Item(variant=variant, product=variant, quantity=quantity, price=amount, tax_class=tax_class)


def promotion(id: int, action: Action, **changes: object) -> Promotion:
    made = Promotion(id=id, title=f"promotion {id}", action=action)
    return msgspec.structs.replace(made, **changes)


def priced(items: list[Item], *promotions: Promotion, shipping: int = 0, place: Place = HOME) -> Priced:
    return price(items, taxes=TAXES, place=place, now=NOW, shipping=shipping, promotions=promotions)


def test_a_percentage_is_shared_to_the_cent_by_largest_remainder() -> None:
    sold = priced([item(1, 1, 333), item(2, 1, 333), item(3, 1, 334)], promotion(1, PercentOff(1000)))
    assert [line.discount for line in sold.lines] == [33, 33, 34]
    assert (sold.discount, sold.total) == (100, 900)


def test_an_amount_never_takes_more_than_there_is() -> None:
    sold = priced([item(1, 2, 300)], promotion(1, AmountOff(5000)), shipping=390)
    assert (sold.discount, sold.total) == (600, 390)


def test_of_three_units_the_cheapest_is_free() -> None:
    sold = priced([item(1, 2, 1000), item(2, 2, 700)], promotion(1, BuyGet(2, 1)))
    assert [line.discount for line in sold.lines] == [0, 700]


def test_the_highest_step_that_is_reached_counts() -> None:
    tiers = promotion(1, Tiers((Step(3, 500), Step(10, 1500))))
    assert priced([item(1, 2, 1000)], tiers).discount == 0
    assert priced([item(1, 3, 1000)], tiers).discount == 150
    assert priced([item(1, 12, 1000)], tiers).discount == 1800


def test_free_delivery_takes_its_tax_away_too() -> None:
    sold = priced([item(1, 1, 1190)], promotion(1, FreeShipping()), shipping=390)
    assert (sold.shipping, sold.shipping_tax, sold.tax, sold.total) == (0, 0, 190, 1190)
    assert sold.benefits[0].shipping == 390


def test_what_is_exclusive_applies_alone_and_only_where_it_saves_more() -> None:
    basket = [item(1, 1, 10_000)]
    both = [promotion(1, PercentOff(1000)), promotion(2, AmountOff(500))]
    weak, strong = (promotion(3, PercentOff(percent), exclusive=True) for percent in (1200, 2000))
    assert priced(basket, *both, weak).discount == 1500
    assert priced(basket, *both, strong).discount == 2000
    assert "does not go together" in priced(basket, *both, weak).refusals[3].reason


def test_of_a_group_only_the_best_applies() -> None:
    rivals = [promotion(n, PercentOff(n * 1000), group="season") for n in (1, 2)]
    sold = priced([item(1, 1, 1000)], *rivals, promotion(3, AmountOff(100)))
    assert [one.promotion for one in sold.benefits] == [2, 3]
    assert sold.total == 700


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"minimum_spend": 5000}, "needs a purchase of €50.00: €40.00 more"),
        ({"minimum_quantity": 3}, "needs 3 units of what it is for: 2 more"),
        ({"starts_at": datetime(2026, 7, 1, tzinfo=UTC)}, "is valid from 01 July 2026 on"),
        ({"ends_at": datetime(2026, 5, 31, tzinfo=UTC)}, "expired on 31 May 2026"),
        ({"is_spent": True}, "has been used up"),
        ({"is_off": True}, "is no longer valid"),
        ({"products": frozenset({99})}, "is for products that are not in the cart"),
        ({"first_order": True}, "is for a first order only"),
        ({"per_customer": 2}, "was used as often as it may be with this e-mail address"),
    ],
)
def test_a_refusal_says_why(changes: dict[str, object], reason: str) -> None:
    sold = price(
        [item(1, 1, 1000)],
        taxes=TAXES,
        place=HOME,
        now=NOW,
        promotions=[promotion(1, PercentOff(1000), **changes)],
        shopper=Shopper(has_ordered=True, uses={1: 2}),
    )
    assert sold.refusals[1].reason == reason
    assert sold.discount == 0


def test_tax_is_in_the_price_or_on_top_of_it_by_country_and_place() -> None:
    basket = [item(1, 1, 1000)]
    assert (priced(basket).tax, priced(basket).total) == (160, 1000)
    assert (priced(basket, place=Place("FR")).tax, priced(basket, place=Place("FR")).total) == (167, 1000)
    assert priced(basket, place=Place("DE", "", "27498")).tax == 0
    california = priced(basket, place=Place("US", "ca", "94103"))
    assert (california.tax, california.total) == (73, 1073)
    assert priced(basket, place=Place("US", "CA", "90012")).tax == 95
    assert priced(basket, place=Place("US", "TX", "90012")).tax == 0


def test_delivery_is_taxed_at_the_highest_rate_of_what_it_brings() -> None:
    mixed = priced([item(1, 1, 107, tax_class="reduced"), item(2, 1, 119)], shipping=119)
    assert (mixed.shipping_tax_rate, mixed.shipping_tax, mixed.tax) == (1900, 19, 45)
    assert priced([item(1, 1, 107, tax_class="reduced")], shipping=107).shipping_tax == 7


def test_a_gift_card_pays_what_others_leave() -> None:
    cards = [GiftCard(1, "AAAA", 300), GiftCard(2, "BBBB", 0), GiftCard(3, "CCCC", 5000)]
    sold = price([item(1, 1, 1000)], taxes=TAXES, place=HOME, now=NOW, cards=cards)
    assert [(one.card.id, one.amount) for one in sold.payments] == [(1, 300), (3, 700)]
    assert (sold.total, sold.gift_card, sold.due) == (1000, 1000, 0)


# --- for all baskets ---

percents = st.integers(1, 10_000)
steps = st.lists(st.builds(Step, st.integers(1, 20), percents), min_size=1, max_size=3)
actions = st.one_of(
    st.builds(PercentOff, percents),
    st.builds(AmountOff, st.integers(1, 50_000)),
    st.builds(BuyGet, st.integers(1, 4), st.integers(1, 3), percents),
    st.builds(Tiers, steps.map(tuple)),
    st.just(FreeShipping()),
)
rules = st.builds(
    Promotion,
    id=st.integers(1, 10**6),
    title=st.just("a rule"),
    action=actions,
    products=st.frozensets(st.integers(1, 12), max_size=4),
    minimum_spend=st.integers(0, 20_000),
    minimum_quantity=st.integers(0, 10),
    priority=st.integers(1, 3),
    exclusive=st.booleans(),
    group=st.sampled_from(["", "", "a", "b"]),
)
promotions_lists = st.lists(rules, max_size=5, unique_by=lambda one: one.id)
baskets = st.lists(
    st.builds(
        Item,
        variant=st.integers(1, 10**6),
        product=st.integers(1, 12),
        quantity=st.integers(1, 99),
        price=st.integers(0, 100_000),
        tax_class=st.sampled_from(["standard", "reduced", "zero"]),
    ),
    max_size=6,
    unique_by=lambda one: one.variant,
)
places = st.sampled_from([HOME, Place("FR"), Place("US", "CA"), Place("CH")])
deliveries = st.integers(0, 5000)
wallets = st.lists(
    st.builds(GiftCard, st.integers(1, 99), st.just("XXXX"), st.integers(0, 50_000)), max_size=3
)


@given(baskets, promotions_lists, deliveries, places, wallets)
def test_every_total_adds_up_and_nothing_is_negative(
    basket: list[Item],
    promotions: list[Promotion],
    shipping: int,
    place: Place,
    cards: list[GiftCard],
) -> None:
    sold = price(
        basket, taxes=TAXES, place=place, now=NOW, shipping=shipping, promotions=promotions, cards=cards
    )
    extra = 0 if sold.tax_included else sold.tax
    assert sold.total == sold.subtotal - sold.discount + sold.shipping + extra
    assert sold.discount == sum(line.discount for line in sold.lines)
    assert sold.discount == sum(one.amount for one in sold.benefits)
    assert sold.shipping == shipping - sum(one.shipping for one in sold.benefits)
    assert sold.tax == sum(line.tax for line in sold.lines) + sold.shipping_tax
    for line in sold.lines:
        assert 0 <= line.discount <= line.amount
        assert line.discount == sum(one.amount for one in line.shares)
        assert 0 <= line.tax <= line.amount - line.discount
    assert min(sold.shipping, sold.total, sold.due, sold.gift_card) >= 0
    assert sold.due == sold.total - sold.gift_card
    for payment in sold.payments:
        assert 0 < payment.amount <= payment.card.balance
    applied = {one.promotion for one in sold.benefits}
    assert applied.isdisjoint(sold.refusals)
    assert applied | set(sold.refusals) == {one.id for one in promotions}


@given(st.data(), baskets, promotions_lists, deliveries, places)
def test_the_order_of_lines_and_rules_changes_nothing(
    data: st.DataObject, basket: list[Item], promotions: list[Promotion], shipping: int, place: Place
) -> None:
    first = priced(basket, *promotions, shipping=shipping, place=place)
    shuffled = data.draw(st.permutations(basket))
    again = priced(shuffled, *data.draw(st.permutations(promotions)), shipping=shipping, place=place)
    assert {line.variant: line for line in again.lines} == {line.variant: line for line in first.lines}
    assert (again.total, again.benefits, again.refusals) == (first.total, first.benefits, first.refusals)


@given(baskets, promotions_lists, deliveries, rules)
def test_one_more_exclusive_offer_never_makes_it_dearer(
    basket: list[Item], promotions: list[Promotion], shipping: int, offer: Promotion
) -> None:
    more = msgspec.structs.replace(offer, id=0, exclusive=True)
    assert (
        priced(basket, *promotions, more, shipping=shipping).total
        <= priced(basket, *promotions, shipping=shipping).total
    )


@given(baskets, percents, percents)
def test_a_higher_percentage_never_saves_less(basket: list[Item], one: int, other: int) -> None:
    low, high = (
        priced(basket, promotion(1, PercentOff(percent))) for percent in (min(one, other), max(one, other))
    )
    assert low.discount <= high.discount


@given(st.integers(0, 10**9), st.integers(0, 10_000))
def test_tax_in_a_price_is_the_tax_on_what_is_without_it(amount: int, rate: int) -> None:
    tax = tax_of(amount, rate, included=False)
    assert tax_of(amount + tax, rate, included=True) == tax
    # Half a cent at most is lost to rounding, in either way.
    assert abs(2 * (tax * 10_000 - amount * rate)) <= 10_000
    inside = tax_of(amount, rate, included=True)
    assert abs(2 * (inside * (10_000 + rate) - amount * rate)) <= 10_000 + rate


@given(st.lists(st.integers(0, 10**7), max_size=12), st.data())
def test_shares_add_up_and_stay_within_a_unit_of_proportion(weights: list[int], data: st.DataObject) -> None:
    whole = sum(weights)
    amount = data.draw(st.integers(0, whole))
    parts = share(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert 0 <= part <= weight
        assert abs(part * whole - amount * weight) < max(whole, 1)
