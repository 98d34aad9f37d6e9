"""Who gets in: by a link once, by password and code together, never by the same code twice."""

from __future__ import annotations

import asyncio
import html
import re
import time
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pyotp
import pytest

from app.backoffice import factors, login, staff
from app.backoffice.limits import TRIES_OF_ACCOUNT, TRIES_OF_ADDRESS, Limits, TooManyTries
from app.backoffice.roles import Role
from app.backoffice.sessions import Sessions, SessionsAway, connect
from app.core.database import Database
from app.core.problems import Problem
from app.core.settings import Settings
from tests.app.backoffice.people import (
    PASSWORD,
    TEST,
    Person,
    find,
    forget_staff,
    hire,
    open_browser,
    take_link,
)
from tests.app.processes import Process
from tests.ports import free_port


def link_of(printed: str) -> str:
    return find(r"/welcome\?token=(\S+)", printed)


async def test_the_first_link_makes_the_first_administrator(
    settings: Settings,
    database: Database,
    web: Process,
    owner: asyncpg.Connection,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await forget_staff(owner)
    assert await login.run(settings, None) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("http://admin.localhost/welcome?token=")
    token = link_of(printed)
    kept = str(await owner.fetch("SELECT * FROM staff_links"))
    assert token not in kept
    ada = take_link(web.url, token, "ada@shop.example")
    assert len(ada.recovery_codes) == factors.RECOVERY_CODES
    assert "Staff" in ada.page("/")
    row = await database.fetchrow("SELECT password, roles FROM staff WHERE email = 'ada@shop.example'")
    assert row
    assert row["roles"] == ["administrator"]
    assert row["password"].startswith("$argon2id$")
    # From now on the command gets this one back in, and makes no second first.
    assert await login.run(settings, None) == 0
    again = link_of(capsys.readouterr().out)
    ada.page("/welcome?token=" + token, status=410)
    page = open_browser(web.url).get(f"/welcome?token={again}").text
    assert "A new sign-in for Ada" in page


async def test_a_first_link_is_void_when_there_is_an_administrator_meanwhile(
    settings: Settings, database: Database, web: Process, owner: asyncpg.Connection
) -> None:
    await forget_staff(owner)
    token, _ = await staff.make_first_link(database, None)
    await hire(database, web.url, Role.ADMINISTRATOR)
    link = await staff.read_link(database, token)
    code = pyotp.TOTP(factors.totp_secret(settings.secrets.session_key, link.totp_nonce)).now()
    given = staff.SetUp("Eve", "eve@example.com", PASSWORD, code)
    with pytest.raises(Problem, match="link-void"):
        await staff.redeem(database, settings.secrets.session_key, token, given, "127.0.0.1")


async def test_of_many_who_take_a_link_at_once_one_gets_in(
    settings: Settings, database: Database, owner: asyncpg.Connection
) -> None:
    token = await staff.invite(database, TEST, "many@example.com", [Role.SUPPORT])
    link = await staff.read_link(database, token)
    key = settings.secrets.session_key
    code = pyotp.TOTP(factors.totp_secret(key, link.totp_nonce)).now()

    async def take(number: int) -> bool:
        given = staff.SetUp(f"Number {number}", "", PASSWORD, code)
        try:
            await staff.redeem(database, key, token, given, "127.0.0.1")
        except Problem as problem:
            if problem.status != 410:
                raise
            return False
        return True

    assert sum(await asyncio.gather(*map(take, range(8)))) == 1
    assert await owner.fetchval("SELECT count(*) FROM staff WHERE email = 'many@example.com'") == 1


async def test_a_link_too_old_or_replaced_opens_nothing(
    database: Database, web: Process, owner: asyncpg.Connection
) -> None:
    old = await staff.invite(database, TEST, "late@example.com", [Role.SUPPORT])
    await owner.execute("UPDATE staff_links SET expires_at = now() WHERE email = 'late@example.com'")
    replaced = await staff.invite(database, TEST, "twice@example.com", [Role.SUPPORT])
    await staff.invite(database, TEST, "twice@example.com", [Role.SUPPORT])
    with open_browser(web.url) as browser:
        for token in (old, replaced, "", "x" * 43):
            assert browser.get("/welcome", params={"token": token}).status_code == 410


async def test_a_set_up_with_faults_is_shown_again_and_the_link_stays_good(
    database: Database, web: Process
) -> None:
    token = await staff.invite(database, TEST, "slow@example.com", [Role.SUPPORT])
    with open_browser(web.url) as browser:
        form = {"token": token, "name": "Slow", "password": "short", "code": "000000"}
        answer = browser.post("/welcome", data=form)
        assert answer.status_code == 422
        assert "Use at least 12 characters" in answer.text
        answer = browser.post("/welcome", data={**form, "password": PASSWORD})
        assert answer.status_code == 422
        assert "This code does not fit" in html.unescape(answer.text)
        assert PASSWORD not in answer.text
    take_link(web.url, token, "slow@example.com", "Slow")


async def test_signing_in_takes_password_and_code_and_each_code_once(
    settings: Settings, database: Database, web: Process, owner: asyncpg.Connection
) -> None:
    ada = await hire(database, web.url)
    ada.browser.cookies.clear()
    assert ada.sign_in(ada.used).status_code == 401, "the code of the set-up is used"
    await owner.execute("UPDATE staff SET totp_step = 0 WHERE email = $1", ada.email)
    assert ada.sign_in(ada.code(), password="another password").status_code == 401
    code = ada.code()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: ada.sign_in(code).status_code, range(6)))
    assert sorted(answers) == [303, 401, 401, 401, 401, 401]
    assert "Dashboard" in ada.page("/")
    old = int(time.time() // 30) - 3
    assert factors.find_step(ada.secret, pyotp.TOTP(ada.secret).generate_otp(old)) is None


async def test_a_recovery_code_stands_in_for_the_phone_once(database: Database, web: Process) -> None:
    ada = await hire(database, web.url)
    code = ada.recovery_codes[3].upper()
    assert ada.sign_in(code).status_code == 303
    assert ada.sign_in(code).status_code == 401
    assert "<dd>9" in ada.page("/account")


async def test_a_refusal_says_the_same_whatever_was_wrong(
    database: Database, web: Process, owner: asyncpg.Connection
) -> None:
    ada = await hire(database, web.url)
    await owner.execute("UPDATE staff SET totp_step = 0 WHERE email = $1", ada.email)

    def body(email: str, password: str, code: str) -> str:
        with open_browser(web.url) as browser:
            answer = browser.post("/login", data={"email": email, "password": password, "code": code})
        assert answer.status_code == 401
        return re.sub(r'value="[^"]*"', "", answer.text)

    refusals = {
        body("nobody@example.com", PASSWORD, "123456"),
        body(ada.email, "wrong password it is", ada.code()),
        body(ada.email, PASSWORD, "000000"),
        body(ada.email, PASSWORD, "not-a-code"),
        body("", "", ""),
    }
    assert len(refusals) == 1


async def test_a_new_sign_in_gets_a_new_session_and_the_old_one_ends(
    database: Database, web: Process
) -> None:
    ada = await hire(database, web.url)
    old = ada.browser.cookies["desk"]
    assert ada.sign_in(ada.recovery_codes[0]).status_code == 303
    assert ada.browser.cookies["desk"] != old
    with open_browser(web.url) as thief:
        assert thief.get("/", headers={"Cookie": f"desk={old}"}).status_code == 303


async def test_a_session_that_a_browser_made_up_is_none(web: Process) -> None:
    with open_browser(web.url) as browser:
        for token in ("x" * 43, "", "desk:session:*"):
            assert browser.get("/", headers={"Cookie": f"desk={token}"}).status_code == 303


async def test_sessions_end_by_disuse_and_by_age(settings: Settings) -> None:
    client = connect(settings.cache_dsn)
    idle = Sessions(client, idle=0.3)
    token = await idle.begin(1, 1)
    for _ in range(3):
        await asyncio.sleep(0.15)
        assert await idle.find(token), "use keeps it"
    await asyncio.sleep(0.4)
    assert await idle.find(token) is None
    aged = Sessions(client, idle=5, longest=0.2)
    token = await aged.begin(1, 1)
    await asyncio.sleep(0.3)
    assert await aged.find(token) is None
    await client.aclose()


async def test_without_redis_nobody_is_guessed_in() -> None:
    client = connect(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(SessionsAway):
        await Sessions(client).find("x")
    with pytest.raises(SessionsAway):
        await Limits(client).take("192.0.2.1", "ada@example.com")
    await client.aclose()


async def test_guessing_at_one_account_ends_for_every_address_and_says_nothing(
    database: Database, web: Process
) -> None:
    ada = await hire(database, web.url)
    for email in (ada.email, f"nobody-{ada.email}"):
        answers = []
        for _ in range(TRIES_OF_ACCOUNT + 1):
            with open_browser(web.url) as browser:
                form = {"email": email.upper(), "password": "guess", "code": "1"}
                answers.append(browser.post("/login", data=form))
        assert [one.status_code for one in answers] == [401] * TRIES_OF_ACCOUNT + [429]
        assert "Too many tries" in answers[-1].text
        assert int(answers[-1].headers["retry-after"]) > 60
    ada.browser.cookies.clear()
    assert ada.sign_in(ada.recovery_codes[0]).status_code == 429, "the right password does not say so either"


async def test_guessing_from_one_address_ends_for_every_account(settings: Settings) -> None:
    client = connect(settings.cache_dsn)
    limits, address = Limits(client), f"test {time.time()}"

    async def attempt(number: int) -> bool:
        try:
            await limits.take(address, f"{address} {number}")
        except TooManyTries:
            return False
        return True

    passed = await asyncio.gather(*map(attempt, range(TRIES_OF_ADDRESS + 20)))
    assert sum(passed) == TRIES_OF_ADDRESS
    await client.aclose()


async def test_a_disabled_member_is_out_at_once_and_roles_count_from_the_next_page(
    database: Database, web: Process
) -> None:
    ada, bob = await hire(database, web.url), await hire(database, web.url, name="Bob")
    number = await database.fetchval("SELECT id FROM staff WHERE email = $1", bob.email)
    bob.page("/staff")
    assert ada.send(f"/staff/{number}/roles", roles="support").status_code == 303
    bob.page("/staff", status=403)
    assert ada.send(f"/staff/{number}/disable").status_code == 303
    assert bob.browser.get("/").status_code == 303
    assert bob.sign_in(bob.recovery_codes[0]).status_code == 401
    assert ada.send(f"/staff/{number}/enable").status_code == 303
    assert bob.sign_in(bob.recovery_codes[0]).status_code == 303


async def test_signing_out_everywhere_ends_the_other_browsers_too(database: Database, web: Process) -> None:
    ada = await hire(database, web.url)
    here = ada.browser.cookies["desk"]
    with open_browser(web.url) as phone:
        form = {"email": ada.email, "password": PASSWORD, "code": ada.recovery_codes[0]}
        assert phone.post("/login", data=form).status_code == 303
        assert phone.get("/account").status_code == 200
        ada.browser.cookies.set("desk", here)
        assert ada.send("/account/sign-out-everywhere").status_code == 303
        assert phone.get("/account").status_code == 303
    assert ada.browser.get("/account").status_code == 303


async def test_signing_out_ends_the_session_not_only_the_cookie(database: Database, web: Process) -> None:
    ada = await hire(database, web.url)
    token = ada.browser.cookies["desk"]
    assert ada.send("/logout").headers["location"] == "/login"
    assert ada.browser.get("/", headers={"Cookie": f"desk={token}"}).status_code == 303


async def test_the_last_administrator_stays_even_when_two_dismiss_each_other(
    database: Database, owner: asyncpg.Connection, web: Process
) -> None:
    await forget_staff(owner)
    ada, bob = await hire(database, web.url), await hire(database, web.url, name="Bob")
    numbers = {row["email"]: row["id"] for row in await database.fetch("SELECT id, email FROM staff")}
    tokens = {ada.email: ada.csrf, bob.email: bob.csrf}

    def dismiss(pair: tuple[Person, Person]) -> bool:
        one, other = pair
        path = f"/staff/{numbers[other.email]}/disable"
        answer = one.browser.post(path, data={"csrf_token": tokens[one.email]})
        return bool(answer.headers.get("location", "").startswith("/staff"))

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(dismiss, [(ada, bob), (bob, ada)]))
    assert sum(answers) == 1
    assert await owner.fetchval("SELECT count(*) FROM staff WHERE disabled_at IS NULL") == 1


async def test_an_invitation_makes_a_colleague_and_can_be_withdrawn(database: Database, web: Process) -> None:
    ada = await hire(database, web.url)
    email = f"grace-{time.time_ns()}@example.com"
    answer = ada.send("/staff/invitations", email=email, roles=["orders", "warehouse"])
    assert answer.status_code == 200
    token = link_of(find(r'id="one-time-link">([^<]+)<', answer.text))
    assert "orders, warehouse" in ada.page("/staff")
    grace = take_link(web.url, token, email, "Grace")
    grace.page("/staff", status=403)
    other = f"other-{email}"
    answer = ada.send("/staff/invitations", email=other, roles="support")
    token = link_of(find(r'id="one-time-link">([^<]+)<', answer.text))
    number = await database.fetchval("SELECT id FROM staff_links WHERE email = $1", other)
    assert ada.send(f"/staff/invitations/{number}/withdraw").status_code == 303
    ada.page(f"/welcome?token={token}", status=410)


async def test_nothing_secret_is_in_the_audit_log(
    database: Database, web: Process, owner: asyncpg.Connection
) -> None:
    ada = await hire(database, web.url)
    ada.sign_in(ada.recovery_codes[0])
    text = str([tuple(row) for row in await owner.fetch("SELECT * FROM audit_log")])
    for secret in (PASSWORD, ada.secret, *ada.recovery_codes, ada.browser.cookies["desk"]):
        assert secret not in text


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("leaf kettle marble north", True),
        ("Tr0ub4dor&3xyz", True),
        ("short", False),
        ("aaaaaaaaaaaaaaaa", False),
        ("ada.lovelace1", False),
        ("x" * 201, False),
    ],
)
def test_a_password_is_judged_by_length_and_by_what_is_known_of_its_owner(password: str, good: bool) -> None:
    assert (factors.judge_password(password, "Ada", "ada.lovelace@example.com") is None) == good


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"]
)
async def test_signing_in_never_leads_to_another_site(database: Database, web: Process, target: str) -> None:
    ada = await hire(database, web.url)
    form = {"email": ada.email, "password": PASSWORD, "code": ada.recovery_codes[0], "next": target}
    assert ada.browser.post("/login", data=form).headers["location"] == "/"
