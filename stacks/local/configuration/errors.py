"""What edge and balancer answer by themselves: a page for people, problem+json (RFC 9457) for the API."""

import json
from dataclasses import dataclass

from stacks.local.configuration.templates import render_template


@dataclass(frozen=True)
class Apology:
    status: int
    title: str
    text: str


APOLOGIES = (
    Apology(400, "This request cannot be read", "Something in it is malformed."),
    Apology(403, "This request was refused", "It looks like an attack. If not, please reword it."),
    Apology(404, "There is nothing here", "The address may be mistyped, or the page may have moved."),
    Apology(408, "This took too long", "The connection may be slow. Please try again."),
    Apology(413, "This is too large", "Please send less at once."),
    Apology(414, "This address is too long", "Please shorten it."),
    Apology(421, "This name is not served here", "Please check the address."),
    Apology(429, "One moment, please", "Too many requests came from you. Please wait a few seconds."),
    Apology(500, "Something went wrong", "It is on our side. Please try again in a moment."),
    Apology(502, "The store cannot answer", "Please try again in a moment; nothing is charged twice."),
    Apology(503, "The store is very busy", "Please try again in a few seconds. Your cart is kept."),
    Apology(504, "The store took too long", "Please try again in a moment; nothing is charged twice."),
)
# What the balancer says itself: no web container can answer.
UNANSWERED = tuple(apology for apology in APOLOGIES if apology.status in (502, 503, 504))


def render_page(apology: Apology) -> str:
    return render_template("edge/error.html.j2", title=apology.title, text=apology.text)


def render_problem(apology: Apology) -> str:
    """One line; `type` is stable, so that clients can decide by it."""
    problem = {
        "type": f"urn:storestack:edge:{apology.status}",
        "title": apology.title,
        "status": apology.status,
        "detail": apology.text,
    }
    return json.dumps(problem) + "\n"
