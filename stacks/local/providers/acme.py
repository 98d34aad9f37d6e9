"""AcmeCertificate: a certificate from a public authority by ACME (RFC 8555), proven over HTTP (http-01).

The authority asks `http://<host>/.well-known/acme-challenge/<token>`. While the edge runs, the edge answers,
from the volume of challenges; before it is first made, this provider answers itself on the edge's port.
Account key, certificate and key are kept in the stack's state; an `up` renews when less than a third is left.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, UpdateResult

from stacks.local.providers.authority import pem, serial
from stacks.local.providers.base import Failure, Provider, changed, given, say
from stacks.local.providers.files import Volume

if TYPE_CHECKING:
    from acme.client import ClientV2
    from acme.messages import OrderResource
    from josepy.jwk import JWK

CHALLENGES_PATH: Final = "/srv/acme"
PREFIX: Final = ".well-known/acme-challenge"
# Authorities answer within seconds; one that has not after this long will not.
PATIENCE: Final = timedelta(seconds=120)
REQUESTED: Final = ("hosts", "directory", "email")


class AcmeProvider(Provider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        outputs = {**given(props), **obtain(props, None)}
        return CreateResult(serial(outputs["certificate"]), outputs)

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        # Another authority knows nothing of the account at the one before.
        account = olds["account_key"] if olds["directory"] == news["directory"] else None
        return UpdateResult({**given(news), **obtain(news, account)})

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=due(olds["certificate"]) or changed(olds, news, *REQUESTED).changes)


def due(certificate: str) -> bool:
    """Whether less than a third of the certificate's life is left."""
    from cryptography import x509

    leaf = x509.load_pem_x509_certificate(certificate.encode())
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    return leaf.not_valid_after_utc - datetime.now(UTC) < life / 3


def obtain(props: Mapping[str, Any], account_key: str | None) -> dict[str, str]:
    """A new certificate for the hosts: chain, key and account key, as PEM. Raises Failure."""
    from acme import crypto_util
    from acme.errors import Error
    from cryptography.hazmat.primitives.asymmetric import ec
    from requests.exceptions import RequestException

    hosts, directory = list(props["hosts"]), props["directory"]
    named = " and ".join(hosts)
    account_key = account_key or pem(ec.generate_private_key(ec.SECP256R1()))
    key = pem(ec.generate_private_key(ec.SECP256R1()))
    say("certificates", f"asking {directory} for a certificate of {named}")
    try:
        with ExitStack() as stack:
            client, account = connect(stack, props, account_key)
            order = client.new_order(crypto_util.make_csr(key.encode(), hosts))
            stack.enter_context(answering(props, challenges(order, account)))
            for challenge in open_challenges(order):
                client.answer_challenge(challenge, challenge.chall.response(account))
            # The library compares with the local time, without a zone.
            finished = client.poll_and_finalize(order, datetime.now() + PATIENCE)
    except (Error, RequestException, OSError) as error:
        raise Failure(
            f"certificates:source: no certificate of {named} from {directory}: {reason(error)}; see"
            " that port 80 of each reaches edge:http_port of this machine, and run `make up` again"
        ) from None
    return {"certificate": finished.fullchain_pem, "key": key, "account_key": account_key}


def reason(error: Exception) -> str:
    """What the authority said, in one line."""
    from acme.errors import ValidationError

    if isinstance(error, ValidationError):
        problems = [c.error for failed in error.failed_authzrs for c in failed.body.challenges if c.error]
        return "; ".join(str(problem.detail) for problem in problems) or "it could not validate the host"
    return " ".join(str(error).split()) or type(error).__name__


def connect(stack: ExitStack, props: Mapping[str, Any], key: str) -> "tuple[ClientV2, JWK]":
    """A client with an account, made at the first use of the key."""
    from acme import client, errors, messages
    from josepy.jwa import ES256
    from josepy.jwk import JWKEC

    account = JWKEC.load(key.encode())
    network = client.ClientNetwork(account, alg=ES256, user_agent="storestack")
    if props["authority_certificate"]:
        trusted = Path(stack.enter_context(TemporaryDirectory())) / "authority.pem"
        trusted.write_text(props["authority_certificate"], encoding="ascii")
        # The library hands it on to requests, which takes a file to trust as well as a yes or no.
        network.verify_ssl = str(trusted)  # type: ignore[assignment]
    session = client.ClientV2(client.ClientV2.get_directory(props["directory"], network), network)
    registration = messages.NewRegistration.from_data(email=props.get("email"), terms_of_service_agreed=True)
    try:
        session.new_account(registration)
    except errors.ConflictError as known:
        network.account = messages.RegistrationResource(body=messages.Registration(), uri=known.location)
    return session, account


def http_challenge(authorization: Any) -> Any:
    from acme.challenges import HTTP01

    for challenge in authorization.body.challenges:
        if isinstance(challenge.chall, HTTP01):
            return challenge
    raise Failure(f"the authority offers no http-01 challenge for {authorization.body.identifier.value}")


def open_challenges(order: "OrderResource") -> list[Any]:
    """What is left to prove: the authority may remember a proof of some weeks ago and ask for none."""
    from acme.messages import STATUS_PENDING

    pending = [one for one in order.authorizations if one.body.status == STATUS_PENDING]
    return [http_challenge(authorization) for authorization in pending]


def challenges(order: "OrderResource", account: "JWK") -> dict[str, str]:
    """What to answer, by token."""
    pending = [challenge.chall for challenge in open_challenges(order)]
    return {chall.encode("token"): chall.validation(account) for chall in pending}


@contextmanager
def answering(props: Mapping[str, Any], answers: Mapping[str, str]) -> Iterator[None]:
    """Answers the authority while the block runs: through the edge, or here while there is none."""
    from stacks.local.providers import engine

    client = engine.connect()
    edges = engine.running(client, props["stack"], "edge")
    if not edges:
        with serving(props["listen"], int(props["port"]), answers):
            yield
        return
    image, uid = edges[0].attrs["Image"], int(props["uid"])

    def publish(files: Mapping[str, str]) -> None:
        volume = Volume(props["volume"], CHALLENGES_PATH, files)
        engine.write(client, props["stack"], image, volume, uid=uid, mode=0o444)

    publish({f"{PREFIX}/{token}": answer for token, answer in answers.items()})
    try:
        yield
    finally:
        publish({})


@contextmanager
def serving(listen: str, port: int, answers: Mapping[str, str]) -> Iterator[None]:
    """A server of these answers and nothing else. Raises OSError when the port is taken."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path.removeprefix(f"/{PREFIX}/"))
            self.send_response(HTTPStatus.OK if answer else HTTPStatus.NOT_FOUND)
            self.end_headers()
            self.wfile.write((answer or "").encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: a token is nobody's business."""

    server = ThreadingHTTPServer((listen, port), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class AcmeCertificate(Resource, module="storestack", name="AcmeCertificate"):
    """Chain and key of the edge's hosts. `key` and `account_key` are secret and never leave the state."""

    certificate: pulumi.Output[str]
    key: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        *,
        stack: str,
        hosts: Sequence[str],
        directory: str,
        email: str | None,
        authority_certificate: str,
        listen: str,
        port: int,
        volume: pulumi.Input[str],
        uid: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "stack": stack,
            "hosts": list(hosts),
            "directory": directory,
            "email": email,
            "authority_certificate": authority_certificate,
            "listen": listen,
            "port": port,
            "volume": volume,
            "uid": uid,
            "certificate": None,
            "key": None,
            "account_key": None,
        }
        secret = pulumi.ResourceOptions(additional_secret_outputs=["key", "account_key"])
        super().__init__(AcmeProvider(), name, props, pulumi.ResourceOptions.merge(opts, secret))
