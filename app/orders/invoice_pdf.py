"""Prints invoices as PDF: A4, the same bytes for the same document.

Letters come from DejaVu Sans, and from Droid Sans Fallback what it lacks (Chinese, Japanese, Korean), both
embedded as far as they are used.
"""

from __future__ import annotations

from pathlib import Path

from fpdf import FPDF
from fpdf.enums import XPos, YPos
from fpdf.fonts import FontFace

from app.core.money import format_money
from app.orders.invoices import Document, Kind

# Debian's fonts-dejavu-core and fonts-droid-fallback.
FONTS = Path("/usr/share/fonts/truetype")
REGULAR = FONTS / "dejavu/DejaVuSans.ttf"
BOLD = FONTS / "dejavu/DejaVuSans-Bold.ttf"
FALLBACK = FONTS / "droid/DroidSansFallbackFull.ttf"

_TITLES = {Kind.INVOICE: "Invoice", Kind.CREDIT_NOTE: "Credit note"}
_HEAD = FontFace(emphasis="BOLD", fill_color=(235, 238, 242))


def print_document(document: Document) -> bytes:
    """The PDF."""
    pdf = FPDF(format="A4")
    pdf.set_creation_date(document.issued_at)
    pdf.set_title(f"{_TITLES[document.kind]} {document.number}")
    pdf.set_lang("en")
    pdf.add_font("text", "", REGULAR)
    pdf.add_font("text", "B", BOLD)
    pdf.add_font("other", "", FALLBACK)
    pdf.set_fallback_fonts(["other"], exact_match=False)
    pdf.set_margin(20)
    pdf.set_auto_page_break(True, margin=20)
    pdf.add_page()
    _print_head(pdf, document)
    _print_items(pdf, document)
    _print_sums(pdf, document)
    return bytes(pdf.output())


def _print_head(pdf: FPDF, document: Document) -> None:
    pdf.set_font("text", "", 9)
    _line(pdf, " · ".join(document.seller), size=8)
    pdf.ln(8)
    for line in document.buyer:
        _line(pdf, line, size=10)
    pdf.ln(8)
    pdf.set_font("text", "B", 16)
    pdf.cell(0, 9, f"{_TITLES[document.kind]} {document.number}", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    ordered = f"Order {document.order_number} of {document.ordered_at:%Y-%m-%d}"
    _line(pdf, f"Date {document.issued_at:%Y-%m-%d} · {ordered}")
    if document.refers_to:
        _line(pdf, f"For invoice {document.refers_to}")
    pdf.ln(4)


def _print_items(pdf: FPDF, document: Document) -> None:
    pdf.set_font("text", "", 9)
    with pdf.table(
        col_widths=(74, 14, 24, 22, 16, 26),
        text_align=("LEFT", "RIGHT", "RIGHT", "RIGHT", "RIGHT", "RIGHT"),
        headings_style=_HEAD,
        borders_layout="HORIZONTAL_LINES",
        line_height=5.5,
        padding=0.6,
    ) as table:
        table.row(("Item", "Units", "Price", "Discount", "Tax", "Total"))
        for item in document.items:
            title = f"{item.title}\n{item.sku}" if item.sku else item.title
            table.row(
                (
                    title,
                    str(item.quantity),
                    _money(document, item.unit_price),
                    _money(document, -item.discount) if item.discount else "",
                    _percent(item.tax_rate),
                    _money(document, item.total if document.tax_included else item.total - item.tax),
                )
            )
    pdf.ln(4)


def _print_sums(pdf: FPDF, document: Document) -> None:
    word = "included" if document.tax_included else "added"
    for rate, (net, tax) in document.taxes.items():
        _sum(pdf, f"{_percent(rate)} tax {word}, on {_money(document, net)}", _money(document, tax))
    _sum(pdf, "Total", _money(document, document.total), bold=True)
    if document.gift_card:
        _sum(pdf, "Paid by gift card up to", _money(document, document.gift_card))


def _line(pdf: FPDF, text: str, *, size: int = 9) -> None:
    pdf.set_font("text", "", size)
    pdf.multi_cell(0, size * 0.5, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _sum(pdf: FPDF, name: str, amount: str, *, bold: bool = False) -> None:
    pdf.set_font("text", "B" if bold else "", 10 if bold else 9)
    pdf.cell(130, 6, name, align="R")
    pdf.cell(40, 6, amount, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _money(document: Document, amount: int) -> str:
    return format_money(amount, document.currency)


def _percent(basis_points: int) -> str:
    return f"{basis_points / 100:g} %"
