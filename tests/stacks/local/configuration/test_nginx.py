"""What the edge's nginx is told, by what its settings say."""

import re
from dataclasses import replace

from stacks.local.configuration import nginx
from stacks.local.configuration.errors import APOLOGIES
from stacks.local.configuration.modsecurity import Firewall, Mode

CONFIGURATION = nginx.EdgeConfiguration(
    hosts=("shop.example", "localhost"),
    back_office_host="admin.shop.example",
    back_office_networks=("192.0.2.0/24", "10.0.0.0/8"),
    https_port=8443,
    balancer="10.1.2.10",
    workers=2,
    firewall=Firewall(),
    signed_shoppers=True,
)


def main(configuration: nginx.EdgeConfiguration = CONFIGURATION) -> str:
    return nginx.render(configuration)["nginx.conf"]


def pattern_of_shared_pages() -> re.Pattern[str]:
    (found,) = re.findall(
        r"location ~ (\S+) \{\n(?:(?!location).)*proxy_cache_lock on", main(), flags=re.DOTALL
    )
    return re.compile(found)


def test_the_port_shoppers_see_stays_in_redirects_and_in_the_host_the_store_is_told() -> None:
    assert "return 308 https://$host:8443$request_uri;" in main()
    assert "proxy_set_header Host $host:8443;" in main()


def test_the_usual_port_is_not_written_out() -> None:
    text = main(replace(CONFIGURATION, https_port=443))
    assert "return 308 https://$host$request_uri;" in text
    assert "proxy_set_header Host $host;" in text


def test_only_the_given_names_are_served() -> None:
    served = re.findall(r"server_name (.*);", main())
    assert served == [
        "shop.example localhost admin.shop.example",
        "shop.example localhost",
        "admin.shop.example",
    ]
    assert "return 421;" in main()


def test_what_changes_something_never_takes_a_kept_connection() -> None:
    fresh = re.search(r"upstream balancer_fresh \{(.*?)\}", main(), flags=re.DOTALL)
    assert fresh is not None
    assert "keepalive" not in fresh[1]
    choice = re.search(r"map \$request_method \$balancer \{(.*?)\}", main(), flags=re.DOTALL)
    assert choice is not None
    assert choice[1].split() == [
        "default",
        "balancer_fresh;",
        "GET",
        "balancer_kept;",
        "HEAD",
        "balancer_kept;",
    ]


def test_a_client_cannot_pass_on_what_it_claims_about_itself() -> None:
    for header in ("X-Real-IP", "Forwarded", "X-Shopper-Address", "X-Shopper-Signature"):
        assert f'proxy_set_header {header} "";' in main()
    assert "proxy_set_header X-Forwarded-For $client_address;" in main()


def test_public_pages_are_fetched_once_for_all_who_wait() -> None:
    shared = pattern_of_shared_pages()
    for path in ("/products/mug", "/collections", "/search", "/sitemap.xml", "/api/v1/products/mug"):
        assert shared.search(path), path


def test_what_the_cache_has_to_ask_for_goes_through_the_firewall() -> None:
    shared = main()[main().index("# Pages that are the same for everyone") :].split("\n        }\n")[0]
    assert "modsecurity off;" in shared
    assert "proxy_pass http://inspection;" in shared
    inspection = main()[main().index("listen 127.0.0.1:8082;") :].split("location ^~")[0]
    assert "modsecurity off;" not in inspection
    assert "proxy_pass http://$balancer;" in inspection


def test_nobody_waits_for_the_personal_page_of_another() -> None:
    shared = pattern_of_shared_pages()
    for path in (
        "/cart",
        "/fragments/cart",
        "/checkout",
        "/api/v1/carts/1",
        "/orders/17",
        "/productsandmore",
    ):
        assert not shared.search(path), path


def test_signing_in_and_buying_have_the_strict_limit_and_reading_has_not() -> None:
    block = re.search(
        r'map "\$request_method \$path_only" \$sensitive_key \{(.*?)\n    \}', main(), re.DOTALL
    )
    assert block is not None
    patterns = [re.compile(found) for found in re.findall(r'"~(\S+ \S+)"', block[1])]

    def strict(request: str) -> bool:
        return any(pattern.search(request) for pattern in patterns)

    assert strict("POST /login")
    assert strict("POST //login")
    assert strict("POST /checkout/payment")
    assert strict("POST /api/v1/checkouts")
    assert not strict("GET /login")
    assert not strict("POST /cart/lines")
    assert not strict("POST /loginless")


def test_the_stacks_own_routes_are_not_served_to_the_world() -> None:
    found = re.search(r"location ~\* (\S+) \{\s+return 404;", main())
    assert found is not None
    for path in ("/metrics", "/topology", "/topology/", "/METRICS"):
        assert re.search(found[1], path, flags=re.IGNORECASE), path
    assert not re.search(found[1], "/health/ready")


def test_without_the_firewall_its_module_is_not_even_loaded() -> None:
    files = nginx.render(replace(CONFIGURATION, firewall=Firewall(mode=Mode.OFF)))
    assert "modsecurity" not in files["nginx.conf"]
    assert not [path for path in files if "modsecurity" in path]


def test_a_stack_that_trusts_no_signed_shopper_does_not_read_their_key() -> None:
    assert "/run/secrets/shopper.conf" in main()
    assert "/run/secrets/shopper.conf" not in main(replace(CONFIGURATION, signed_shoppers=False))
    assert "shopper.conf" not in nginx.render_secrets("certificate", "key", None)


def test_the_shoppers_key_signs_what_the_documentation_says() -> None:
    text = nginx.render_secrets("certificate", "key", "sesame")["shopper.conf"]
    found = re.search(r'secure_link_md5 "(.*)";', text)
    assert found is not None
    signed = (
        found[1].replace("$secure_link_expires", "1700000000").replace("$http_x_shopper_address", "9.9.9.9")
    )
    assert signed == "1700000000 9.9.9.9 sesame"


def test_challenges_of_a_certificate_authority_are_served_on_the_plain_port() -> None:
    assert "root /srv/acme" in main()


def test_each_error_has_a_page_and_a_problem() -> None:
    files = nginx.render(CONFIGURATION)
    for apology in APOLOGIES:
        assert f"error_page {apology.status} /edge/errors/$errors/{apology.status};" in files["nginx.conf"]
        assert apology.title in files[f"errors/pages/{apology.status}"]
        assert f'"status": {apology.status}' in files[f"errors/problems/{apology.status}"]


def test_no_key_and_no_certificate_is_among_the_readable_files() -> None:
    assert not {"tls.crt", "tls.key", "shopper.conf"} & set(nginx.render(CONFIGURATION))


def test_a_developers_browser_forgets_soon_that_localhost_speaks_https() -> None:
    block = re.search(r"map \$host \$https_only_seconds \{(.*?)\}", main(), flags=re.DOTALL)
    assert block is not None
    assert block[1].split() == [
        "default",
        "31536000;",
        "localhost",
        "300;",
        '"~\\.localhost$"',
        "300;",
        "127.0.0.1",
        "300;",
    ]


def back_office() -> str:
    return main().split("server_name admin.shop.example;")[1]


def test_the_back_office_is_seen_from_its_networks_alone() -> None:
    rules = re.findall(r"^ +(allow .*|deny .*);$", back_office(), flags=re.MULTILINE)
    assert rules[:3] == ["allow 192.0.2.0/24", "allow 10.0.0.0/8", "deny all"]


def test_nothing_of_the_back_office_is_cached_and_it_has_a_limit_of_its_own() -> None:
    assert "proxy_cache" not in back_office()
    assert "zone=limit_back_office" in back_office()
    assert "zone=limit_pages" not in back_office()
