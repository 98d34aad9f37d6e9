"""The edge's firewall: ModSecurity with the OWASP Core Rule Set (3.3, as Debian ships it)."""

from dataclasses import dataclass
from enum import StrEnum

from stacks.local.configuration.templates import render_template


class Mode(StrEnum):
    BLOCK = "block"
    DETECT = "detect"
    OFF = "off"


@dataclass(frozen=True)
class Firewall:
    mode: Mode = Mode.BLOCK
    # 1 to 4; each step finds more, and refuses more that is harmless. 1 is what the rule set's authors
    # advise for a site that everyone may use.
    paranoia: int = 1


@dataclass(frozen=True)
class Exclusion:
    reason: str
    rule: str


# Where people write prose: in forms by the field's name, in JSON by its path ("json.shipping_address.city").
_FIELD = r"^(?:json\.)?(?:\w+\.)*"
_TEXTS = "q|query|note|message|subject|body|name|first_name|last_name|company|line1|line2|city|alt"
_PROSE = f"'/{_FIELD}(?:{_TEXTS})$/'"
# Every rule asks it of every field, some thousand times a request: a plain ending is missed at once.
_PASSWORDS = "/password$/"

# As few as the store's normal use needs; each is proved by a request in the tests.
EXCLUSIONS = (
    Exclusion(
        "A host that is an address: nginx answers only the names it was given.",
        "SecRuleRemoveById 920350",
    ),
    Exclusion(
        "A lone percent sign, as in `50% off`, is taken for bad encoding; nginx refuses what really is.",
        "SecRuleRemoveById 920220 920240",
    ),
    Exclusion(
        "A good password looks like an attack, and is only ever hashed.",
        f'SecRuleUpdateTargetByTag OWASP_CRS "!ARGS:{_PASSWORDS}"',
    ),
    Exclusion(
        "Prose that begins with a word which is also a Unix command: `echo dot`, `find my order`.",
        f'SecRuleUpdateTargetById 932150 "!ARGS:{_PROSE}"',
    ),
    Exclusion(
        "Prose with words of SQL in some order: `union jack selection`, `drop leaf table; insert cushion`, "
        "`having fun, order by size`. What really is SQL is found by the parser of rule 942100.",
        "\n".join(f'SecRuleUpdateTargetById {rule} "!ARGS:{_PROSE}"' for rule in (942190, 942230, 942350)),
    ),
    Exclusion(
        "What people call their photographs, as `Ada's mug; blue.jpg`: the back office reads no file's name.",
        r'SecRule REQUEST_FILENAME "@rx ^/products/\d+/pictures$"'
        ' "id:103,phase:1,pass,nolog,ctl:ruleRemoveById=920120"',
    ),
)

# Left out: other products' exclusions (903), reputation and flood rules that need what nginx has not (910,
# 912), and what inspects answers (950 to 959), since answers are not read.
RULE_FILES = (
    "REQUEST-901-INITIALIZATION",
    "REQUEST-905-COMMON-EXCEPTIONS",
    "REQUEST-911-METHOD-ENFORCEMENT",
    "REQUEST-913-SCANNER-DETECTION",
    "REQUEST-920-PROTOCOL-ENFORCEMENT",
    "REQUEST-921-PROTOCOL-ATTACK",
    "REQUEST-922-MULTIPART-ATTACK",
    "REQUEST-930-APPLICATION-ATTACK-LFI",
    "REQUEST-931-APPLICATION-ATTACK-RFI",
    "REQUEST-932-APPLICATION-ATTACK-RCE",
    "REQUEST-933-APPLICATION-ATTACK-PHP",
    "REQUEST-934-APPLICATION-ATTACK-NODEJS",
    "REQUEST-941-APPLICATION-ATTACK-XSS",
    "REQUEST-942-APPLICATION-ATTACK-SQLI",
    "REQUEST-943-APPLICATION-ATTACK-SESSION-FIXATION",
    "REQUEST-944-APPLICATION-ATTACK-JAVA",
)


def render(firewall: Firewall, body_mb: int) -> dict[str, str]:
    """`body_mb`: the largest request body in MiB, the same that nginx takes."""
    if firewall.mode is Mode.OFF:
        return {}
    text = render_template(
        "edge/modsecurity.conf.j2",
        engine="On" if firewall.mode is Mode.BLOCK else "DetectionOnly",
        paranoia=firewall.paranoia,
        body_bytes=body_mb * 1024 * 1024,
        exclusions=EXCLUSIONS,
        rule_files=RULE_FILES,
    )
    return {"modsecurity/main.conf": text}
