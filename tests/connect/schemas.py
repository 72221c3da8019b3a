"""The published schemas of HTTPRoute and ClusterQueue in short, and what the API server makes of a body that breaks them.

Source: the CRDs of Gateway API (v1, standard channel) and Kueue (v1beta1, v1beta2): fields, ranges, sizes, defaults.
"""

from __future__ import annotations

import re

LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
#: resource.Quantity as the CRDs have it
QUANTITY = re.compile(r"^[+-]?(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?(\d+(\.\d*)?|\.\d+))?$")


def text(most=253, pattern=None):
    return {"text": True, "most": most, "pattern": pattern}


def whole(low, high, default=None):
    return {"whole": (low, high), "default": default}


def listed(item, most=64, least=0):
    return {"items": item, "most": most, "least": least}


def fields(required=(), **names):
    return {"fields": names, "required": required}


ANY = {"any": True}
QUANTITIES = {"quantity": True}
HEADER = fields(("name", "value"), name=text(256), value=text(4096), type=text())
REF = {"group": text(253), "kind": text(63), "name": text(253), "namespace": text(63)}
PORT = whole(1, 65535)
FILTER = fields(
    ("type",),
    type=text(),
    requestHeaderModifier=ANY,
    responseHeaderModifier=ANY,
    requestMirror=ANY,
    requestRedirect=ANY,
    urlRewrite=ANY,
    cors=ANY,
    extensionRef=ANY,
)
BACKEND = fields(
    ("name",),
    **{**REF, "group": {**text(253), "default": ""}, "kind": {**text(63), "default": "Service"}},
    port=PORT,
    weight=whole(0, 1_000_000, 1),
    filters=listed(FILTER, 16),
)
ROUTE = fields(
    parentRefs=listed(fields(("name",), **REF, sectionName=text(253), port=PORT), 32),
    hostnames=listed(text(253), 16),
    rules=listed(
        fields(
            name=text(253, LABEL),
            matches=listed(
                fields(
                    path=fields(type=text(), value=text(1024)),
                    headers=listed(HEADER, 16),
                    queryParams=listed(HEADER, 16),
                    method=text(),
                ),
                64,
            ),
            filters=listed(FILTER, 16),
            backendRefs=listed(BACKEND, 16),
            timeouts=fields(request=text(), backendRequest=text()),
        ),
        16,
        1,
    ),
)
RESOURCE = fields(("name", "nominalQuota"), name=text(), nominalQuota=QUANTITIES, borrowingLimit=QUANTITIES,
                  lendingLimit=QUANTITIES)  # fmt: skip
QUEUE = fields(
    resourceGroups=listed(
        fields(
            ("coveredResources", "flavors"),
            coveredResources=listed(text(), 64, 1),
            flavors=listed(
                fields(("name", "resources"), name=text(253, LABEL), resources=listed(RESOURCE, 64, 1)), 64, 1
            ),
        ),
        16,
    ),
    cohort=text(253, LABEL),
    cohortName=text(253, LABEL),
    queueingStrategy=text(),
    namespaceSelector=ANY,
    flavorFungibility=ANY,
    preemption=ANY,
    admissionChecksStrategy=ANY,
    admissionScope=ANY,
    stopPolicy=text(),
    fairSharing=fields(weight=QUANTITIES),
)
#: path -> kind, schema of spec, fields of spec that are owned as a whole
KINDS = {
    r"^/apis/gateway\.networking\.k8s\.io/(?P<version>v1|v1beta1)/namespaces/(?P<namespace>[^/]+)/httproutes/(?P<name>[^/]+)$": (
        "HTTPRoute", "gateway.networking.k8s.io", ROUTE),
    r"^/apis/kueue\.x-k8s\.io/(?P<version>v1beta1|v1beta2)/clusterqueues/(?P<name>[^/]+)$": (
        "ClusterQueue", "kueue.x-k8s.io", QUEUE),
}  # fmt: skip


class Undeclared(Exception):
    """A field that the schema does not have."""


class Invalid(Exception):
    """A value that the schema does not allow."""


def check(schema, value, place):
    """The value with its defaults; Undeclared and Invalid as the API server tells them."""
    if "any" in schema:
        return value
    if "fields" in schema:
        if not isinstance(value, dict):
            raise Invalid(f"{place}: Invalid value: {value!r}: {place} must be of type object")
        for name in value:
            if name not in schema["fields"]:
                raise Undeclared(f".{place}.{name}: field not declared in schema")
        for name in schema["required"]:
            if name not in value:
                raise Invalid(f"{place}.{name}: Required value")
        out = {
            name: check(part, value[name], f"{place}.{name}")
            for name, part in schema["fields"].items()
            if name in value
        }
        defaults = {n: p["default"] for n, p in schema["fields"].items() if p.get("default") is not None}
        return {**defaults, **out}
    if "items" in schema:
        if not isinstance(value, list) or not schema["least"] <= len(value) <= schema["most"]:
            raise Invalid(f"{place}: Invalid value: must have between {schema['least']} and {schema['most']} items")
        return [check(schema["items"], item, f"{place}[{k}]") for k, item in enumerate(value)]
    if "whole" in schema:
        low, high = schema["whole"]
        if isinstance(value, bool) or not isinstance(value, int):
            raise Invalid(f"{place}: Invalid value: {value!r}: {place} in body must be of type integer")
        if not low <= value <= high:
            raise Invalid(f"{place}: Invalid value: {value}: {place} in body should be between {low} and {high}")
        return value
    if "quantity" in schema:
        good = (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, str) and QUANTITY.match(value)
        )
        if not good:
            raise Invalid(f"{place}: Invalid value: {value!r}: quantities must match the regular expression")
        return value
    if not isinstance(value, str) or len(value) > schema["most"]:
        raise Invalid(f"{place}: Invalid value: {value!r}: must be text of at most {schema['most']} bytes")
    if schema["pattern"] and not re.match(schema["pattern"], value):
        raise Invalid(f"{place}: Invalid value: {value!r}: should match {schema['pattern']}")
    return value


def number(quantity):
    """A quantity as a number."""
    found = re.match(r"^(.*?)([KMGTPE]i|[numkMGTPE]|[eE].+)?$", str(quantity))
    size, suffix = found.groups()
    if suffix is None or (suffix[0] in "eE" and len(suffix) > 1 and not suffix.endswith("i")):
        return float(size + (suffix or ""))
    powers = {"n": 1e-9, "u": 1e-6, "m": 1e-3, **{s: 1e3 ** (k + 1) for k, s in enumerate("kMGTPE")}}
    powers |= {f"{s}i": 1024.0 ** (k + 1) for k, s in enumerate("KMGTPE")}
    return float(size) * powers[suffix]
