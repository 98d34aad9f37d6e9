'''The back office: a site of its own, on the host of BACK_OFFICE_URL, for the people who run the shop.

Served by the web containers beside the shop; which of the two answers is decided by the request's Host
alone (`app.backoffice.hosts`). Sign-in, sessions, second factor, roles, form tokens and the audit log are the
frame's; a screen says which area it belongs to and what it does, and nothing else.

A package adds its screens as `app/<noun>/desk.py`, which is found by its name and has two lists:

    navigation: list[Entry]              what the side bar shows to those who may read the area
    routes: list[ControllerRouterHandler]

Templates extend `backoffice/base.html` (blocks `title`, `content`) and use the macros of
`backoffice/parts.html` (`field`, `area`, `select`, `checkbox`, `token`, `act`, `pager`, `state`,
`day`). A worked example, whole:

    """Desk screens of locations: the list, and renaming one."""

    from app.backoffice.frame import Area, Clerk, Entry, Form, Section, back, changes, reads, show

    @get("/locations", opt=reads(Area.STOCK))
    async def list_locations(clerk: Clerk, database: Database, page: int = 1) -> Response[bytes]:
        rows = Page.cut(await service.list_locations(database, *Page.window(page)), page)
        return show(clerk, "inventory/desk_locations.html", {"rows": rows, "form": Form()})

    @post("/locations/{location:int}", opt=changes(Area.STOCK))
    async def rename_location(clerk: Clerk, form: Form, location: int) -> Response[bytes]:
        name = form.text("name", most=100)
        form.check()                                  # 422 with every fault when something cannot be read
        async with clerk.change("location.rename", f"location:{location}") as change:
            change.before = await service.read_location(change.connection, location)
            await service.rename(change.connection, location, name)
            change.after = {"name": name}
        return back("/locations", f"Renamed to {name}.")

    navigation = [Entry("Locations", "/locations", Area.STOCK, Section.STOCK)]
    routes = [list_locations, rename_location]

    {% extends "backoffice/base.html" %}
    {% import "backoffice/parts.html" as parts %}
    {% block title %}Locations{% endblock %}
    {% block content %}
    <h1>Locations</h1>
    <div class="scroll"><table>
      <thead><tr><th scope="col">Name</th></tr></thead>
      <tbody>{% for row in rows.items %}<tr><td>{{ row.name }}</td></tr>{% endfor %}</tbody>
    </table></div>
    {{ parts.pager(rows, "/locations") }}
    {% if clerk.may_change(Area.STOCK) %}
    <form method="post" action="/locations/1" class="stack">{{ parts.token(clerk) }}
      {{ parts.field(form, "name", "Name") }}<button class="button">Rename</button></form>
    {% endif %}
    {% endblock %}

Rules that the frame holds a screen to:

- A handler without `opt=reads(…)` or `opt=changes(…)` is refused at start.
- GET never changes anything. Every other method needs the right to change the area, and the session's form
  token (`parts.token(clerk)`; htmx sends it by itself, as a header that the frame sets on `<body>`).
- Whatever changes something is in the audit log, in the same transaction, which `clerk.change(verb, object)`
  opens. A verb that opens transactions of its own (an order's, a payment's) goes through
  `clerk.attempt(verb, object, after)`, which writes what was begun before it is done, and how it ended.
  A change that succeeded without either is answered 500, so that a test finds it.
- `before` and `after` hold what was changed, never a secret.
- Objects are named by kind and number (`order:S100001`, `product:42`), so that the log can be searched.
'''
