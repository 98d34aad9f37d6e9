"""The back office's own screens, in one list."""

from __future__ import annotations

from litestar.types import ControllerRouterHandler

from app.backoffice import audit_screen, dashboard, job_screens, sign_in, staff_screens
from app.backoffice.frame import Area, Entry, Section

navigation = [
    Entry("Dashboard", "/", Area.DASHBOARD, Section.OVERVIEW),
    Entry("Jobs", "/jobs", Area.JOBS, Section.SYSTEM),
    Entry("Staff", "/staff", Area.STAFF, Section.SYSTEM),
    Entry("Audit log", "/audit", Area.AUDIT, Section.SYSTEM),
    Entry("Settings", "/settings", Area.SETTINGS, Section.SYSTEM),
]

routes: list[ControllerRouterHandler] = [
    *sign_in.routes,
    *dashboard.routes,
    *staff_screens.routes,
    *audit_screen.routes,
    *job_screens.routes,
]
