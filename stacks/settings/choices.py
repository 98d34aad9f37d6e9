"""What settings with a handful of values may be set to."""

from enum import StrEnum


class Target(StrEnum):
    LOCAL = "local"


class FirewallMode(StrEnum):
    BLOCK = "block"
    DETECT = "detect"
    OFF = "off"


class Carrier(StrEnum):
    NONE = "none"
    EASYPOST = "easypost"


class DatabaseEngine(StrEnum):
    POSTGRES = "postgres"
    MYSQL = "mysql"


class CacheEngine(StrEnum):
    REDIS = "redis"
    VALKEY = "valkey"
    MEMCACHED = "memcached"


class PaymentGateway(StrEnum):
    TEST = "test"
    STRIPE = "stripe"


class PaymentCapture(StrEnum):
    ORDER = "order"
    SHIPMENT = "shipment"


class CertificateSource(StrEnum):
    OWN = "own"
    FILES = "files"
    ACME = "acme"
