"""The sample catalogue is what the script makes, and what a real shop's catalogue looks like."""

import csv
import io
from pathlib import Path
from xml.etree import ElementTree

from app.sample import catalogue
from app.sample.drawing import draw
from app.sample.media import draw_all

SHIPPED = Path(catalogue.__file__).with_name("catalogue.csv")


def test_the_shipped_catalogue_is_what_the_script_makes() -> None:
    made = io.StringIO()
    catalogue.write(made)
    assert made.getvalue() == SHIPPED.read_text(encoding="utf-8")


def test_there_are_a_thousand_products_in_twenty_collections() -> None:
    rows = list(csv.DictReader(SHIPPED.open(encoding="utf-8")))
    first_rows = [row for row in rows if row["Title"]]
    assert len(first_rows) == len({row["Handle"] for row in rows}) == 1000
    assert len({row["Collection"] for row in first_rows}) == 20
    assert len({row["Variant SKU"] for row in rows}) == len(rows) > 3000


def test_every_variant_has_a_price_a_weight_and_a_valid_barcode() -> None:
    for row in csv.DictReader(SHIPPED.open(encoding="utf-8")):
        assert float(row["Variant Price"]) > 0
        assert int(row["Variant Grams"]) > 0
        digits = [int(digit) for digit in row["Variant Barcode"]]
        assert (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0, row["Variant Barcode"]


def test_a_compare_at_price_is_higher_than_the_price() -> None:
    for row in csv.DictReader(SHIPPED.open(encoding="utf-8")):
        if row["Variant Compare At Price"]:
            assert float(row["Variant Compare At Price"]) > float(row["Variant Price"])


def test_every_picture_named_in_the_catalogue_is_drawn_once(tmp_path: Path) -> None:
    named = {row["Variant Image"] for row in csv.DictReader(SHIPPED.open(encoding="utf-8"))}
    assert draw_all(tmp_path) == len(named)
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")} == named
    assert draw_all(tmp_path) == 0, "what is there is not drawn again"


def test_a_picture_holds_shapes_and_nothing_that_runs() -> None:
    allowed = {"svg", "path", "circle", "ellipse", "defs", "pattern", "g"}
    for product in list(catalogue.generate())[::50]:
        for picture in product.pictures:
            document = ElementTree.fromstring(draw(picture.shape, picture.colour, picture.path))
            assert {element.tag.split("}")[1] for element in document.iter()} <= allowed
            assert not [
                name for element in document.iter() for name in element.attrib if name.startswith("on")
            ]
