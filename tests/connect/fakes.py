"""Fakes of the APIs that connections speak to, as strict as the published schemas and the servers' own rules.

Kubernetes: objects with managed fields; server-side apply needs a field manager and the right media type, refuses fields
that the schema does not declare, values out of range, conflicts with other managers (409, causes by field) and old
versions (409, no causes); lists that are atomic are owned as a whole. LiteLLM: models of the database and of the
configuration; POST /model/update loses parameters that its request model does not declare, as the real one does.
Prometheus: instant and range queries with a lookback of five minutes.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field

from connect.schemas import KINDS, Invalid, Undeclared, check, number

__all__ = ["Kubernetes", "LiteLlm", "Prometheus", "number"]


def leaves(spec, place="spec"):
    """What a manager owns: fields of structs one by one, lists (all atomic here) as a whole."""
    for name, value in spec.items():
        if isinstance(value, dict) and name == "fairSharing":
            yield from leaves(value, f"{place}.{name}")
        else:
            yield f"{place}.{name}", value


@dataclass
class Kubernetes:
    """An API server with some objects; ``tokens`` that may read and patch."""

    tokens: tuple[str, ...] = ("sesame",)
    objects: dict = field(default_factory=dict)
    owners: dict = field(default_factory=dict)
    version: int = 100

    def put(self, path, spec, manager="kubectl"):
        """An object as its owner applied it."""
        kind, group, schema, found = self._kind(path)
        self.version += 1
        meta = {"name": found["name"], "resourceVersion": str(self.version), "uid": "1", "generation": 1}
        if "namespace" in found:
            meta["namespace"] = found["namespace"]
        self.objects[path] = {
            "apiVersion": f"{group}/{found['version']}",
            "kind": kind,
            "metadata": meta,
            "spec": check(schema, spec, "spec"),
            "status": {"parents": []},
        }
        self.owners[path] = {leaf: {manager} for leaf, _ in leaves(self.objects[path]["spec"])}

    def edit(self, path, change):
        """Somebody changes the object meanwhile."""
        self.version += 1
        change(self.objects[path]["spec"])
        self.objects[path]["metadata"]["resourceVersion"] = str(self.version)

    def __call__(self, asked):
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return self._failed(401, "Unauthorized", "Unauthorized")
        try:
            kind, group, schema, found = self._kind(asked.path)
        except LookupError:
            return self._failed(404, "NotFound", "the server could not find the requested resource")
        if asked.path not in self.objects:
            return self._failed(404, "NotFound", f'{kind.lower()}s.{group} "{found["name"]}" not found')
        if asked.method == "GET":
            return 200, self.objects[asked.path]
        if asked.method != "PATCH":
            return self._failed(405, "MethodNotAllowed", "the server does not allow this method")
        if asked.headers.get("content-type") != "application/apply-patch+yaml":
            return self._failed(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
        return self._apply(asked, kind, group, schema, found)

    def _apply(self, asked, kind, group, schema, found):
        manager = asked.query.get("fieldManager", "")
        if not 0 < len(manager) <= 128 or not manager.isprintable():
            return self._failed(422, "Invalid", 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: '
                                                "is required for apply patch")  # fmt: skip
        if asked.query.get("force", "false") not in ("true", "false"):
            return self._failed(400, "BadRequest", "force must be a boolean")
        known = {"fieldManager", "force", "fieldValidation", "dryRun"}
        if set(asked.query) - known or asked.query.get("fieldValidation", "Warn") not in ("Strict", "Warn", "Ignore"):
            return self._failed(400, "BadRequest", "unknown option")
        body, stored = asked.json, self.objects[asked.path]
        if (body.get("apiVersion"), body.get("kind")) != (stored["apiVersion"], kind):
            return self._failed(400, "BadRequest", "the object provided is of another type")
        meta = body.get("metadata", {})
        if "managedFields" in meta or ("uid" in meta and meta["uid"] != stored["metadata"]["uid"]):
            return self._failed(400, "BadRequest", "metadata.managedFields must be nil")
        if meta.get("name") != found["name"] or meta.get("namespace") != found.get("namespace"):
            return self._failed(400, "BadRequest", "the name of the object does not match the name on the URL")
        if meta.get("resourceVersion", stored["metadata"]["resourceVersion"]) != stored["metadata"]["resourceVersion"]:
            return self._failed(409, "Conflict", "Operation cannot be fulfilled: the object has been modified; please "
                                                 "apply your changes to the latest version and try again")  # fmt: skip
        if set(body) - {"apiVersion", "kind", "metadata", "spec"}:
            return self._failed(500, "", "failed to create typed patch object: field not declared in schema")
        try:
            spec = check(schema, body["spec"], "spec")
        except Undeclared as error:
            return self._failed(500, "", f"failed to create typed patch object: {error}")
        except Invalid as error:
            return self._failed(422, "Invalid", f'{kind}.{group} "{found["name"]}" is invalid: {error}')
        owners = self.owners[asked.path]
        causes = []
        for leaf, value in leaves(spec):
            others = owners.get(leaf, set()) - {manager}
            if others and value != self._at(stored["spec"], leaf):
                causes += [{"reason": "FieldManagerConflict", "message": f'conflict with "{other}" using {group}/v1',
                            "field": f".{leaf}"} for other in sorted(others)]  # fmt: skip
        if causes and asked.query.get("force") != "true":
            return self._failed(409, "Conflict", f"Apply failed with {len(causes)} conflicts", causes)
        wrong = self._webhook(kind, spec)
        if wrong:
            return self._failed(403, "Forbidden", f"admission webhook denied the request: {wrong}")
        after = copy.deepcopy(stored["spec"])
        for leaf, value in leaves(spec):
            changed = value != self._at(after, leaf)
            self._set(after, leaf, value)
            owners[leaf] = {manager} if changed else owners.get(leaf, set()) | {manager}
        for leaf in [leaf for leaf, who in owners.items() if manager in who and leaf not in dict(leaves(spec))]:
            owners[leaf] -= {manager}
            if not owners[leaf]:
                self._drop(after, leaf)
                del owners[leaf]
        if after != stored["spec"]:
            self.version += 1
            stored["spec"] = after
            stored["metadata"]["resourceVersion"] = str(self.version)
        return 200, stored

    def _webhook(self, kind, spec):
        """Kueue: a weight is 0, or more than 10^-9; a quota is not negative."""
        if kind != "ClusterQueue":
            return ""
        weight = spec.get("fairSharing", {}).get("weight")
        if weight is not None and (number(weight) < 0 or 0 < number(weight) <= 1e-9):
            return "spec.fairSharing: Invalid value: When not 0, weight must be > 10e-9"
        for group in spec.get("resourceGroups", []):
            for flavor in group["flavors"]:
                if [r["name"] for r in flavor["resources"]] != group["coveredResources"]:
                    return "flavors must have the same resources as coveredResources, in order"
                if any(number(r["nominalQuota"]) < 0 for r in flavor["resources"]):
                    return "nominalQuota: must be greater than or equal to 0"
        return ""

    def _kind(self, path):
        for pattern, (kind, group, schema) in KINDS.items():
            if found := re.match(pattern, path):
                return kind, group, schema, found.groupdict()
        raise LookupError(path)

    @staticmethod
    def _at(spec, leaf):
        for part in leaf.split(".")[1:]:
            spec = spec.get(part) if isinstance(spec, dict) else None
        return spec

    @staticmethod
    def _set(spec, leaf, value):
        *above, last = leaf.split(".")[1:]
        for part in above:
            spec = spec.setdefault(part, {})
        spec[last] = value

    @staticmethod
    def _drop(spec, leaf):
        *above, last = leaf.split(".")[1:]
        for part in above:
            spec = spec.get(part, {})
        spec.pop(last, None)

    @staticmethod
    def _failed(code, reason, message, causes=None):
        details = {"details": {"causes": causes}} if causes else {}
        return code, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
                      "reason": reason, **details, "code": code}  # fmt: skip


@dataclass
class Prometheus:
    """Series with samples: {"price": [({"site": "north"}, [(time, value), ...]), ...]}; a query is a name of them, or
    ``timestamp(name)``, or ``scalar(name)``. ``asked`` keeps the parameters."""

    series: dict
    lookback: float = 300.0

    def __call__(self, asked):
        if asked.path not in ("/api/v1/query", "/api/v1/query_range"):
            return 404, b"404 page not found"
        query = asked.query.get("query", "")
        name = re.sub(r"^(timestamp|scalar)\((.*)\)$", r"\2", query)
        if not re.fullmatch(r"[a-z_:][a-z0-9_:]*", name):
            return self._bad(400, "bad_data", 'invalid parameter "query": parse error: unexpected end of input')
        if asked.path == "/api/v1/query":
            at = float(asked.query["time"])
            found = [(labels, self._sample(samples, at, query)) for labels, samples in self.series.get(name, [])]
            found = [(labels, sample) for labels, sample in found if sample is not None]
            if query.startswith("scalar("):
                value = found[0][1] if len(found) == 1 else "NaN"
                return self._good("scalar", [at, value])
            return self._good("vector", [{"metric": labels, "value": [at, v]} for labels, v in found])
        start, end, step = (float(asked.query[part]) for part in ("start", "end", "step"))
        if step <= 0:
            return self._bad(400, "bad_data", 'invalid parameter "step": zero or negative query resolution step widths')
        if (end - start) / step > 11_000:
            return self._bad(400, "bad_data", "exceeded maximum resolution of 11,000 points per timeseries")
        out = []
        for labels, samples in self.series.get(name, []):
            times = [start + k * step for k in range(int((end - start) / step) + 1)]
            points = [[at, v] for at in times if (v := self._sample(samples, at, query)) is not None]
            if points:
                out.append({"metric": labels, "values": points})
        return self._good("matrix", out)

    def _sample(self, samples, at, query):
        """The newest sample within the lookback, as text."""
        seen = [(t, v) for t, v in samples if at - self.lookback < t <= at]
        if not seen:
            return None
        t, v = max(seen)
        return str(t if query.startswith("timestamp(") else v)

    @staticmethod
    def _good(kind, result):
        return 200, {"status": "success", "data": {"resultType": kind, "result": result}}

    @staticmethod
    def _bad(code, kind, told):
        return code, {"status": "error", "errorType": kind, "error": told}


#: fields that the request model of an update declares; a stored parameter that is none of them does not survive one
DECLARED = {
    "model", "custom_llm_provider", "tpm", "rpm", "timeout", "stream_timeout", "max_retries", "organization", "api_key",
    "api_base", "api_version", "litellm_credential_name", "region_name", "max_budget", "budget_duration",
    "input_cost_per_token", "output_cost_per_token", "model_info", "mock_response", "use_in_pass_through",
    "use_litellm_proxy", "merge_reasoning_content_in_choices",
}  # fmt: skip
#: those that are switched off where a request leaves them out
SWITCHES = {"use_in_pass_through", "use_litellm_proxy", "merge_reasoning_content_in_choices"}
SECRETS = ("api_key", "vertex_credentials", "aws_access_key_id", "aws_secret_access_key")


@dataclass
class LiteLlm:
    """models: id -> (group, parameters, whether it stands in the database). key: of the proxy's admin."""

    models: dict
    key: str = "sk-master"
    stores: bool = True

    def __call__(self, asked):
        if asked.headers.get("authorization") != f"Bearer {self.key}":
            return self._failed(401, "Authentication Error, Invalid proxy server token passed", "auth_error")
        if (asked.method, asked.path) == ("GET", "/model/info"):
            return 200, {"data": [self._shown(model) for model in self.models]}
        if (asked.method, asked.path) == ("POST", "/model/update"):
            wrong = self._body(asked.json)
            if wrong:
                return 422, {"detail": wrong}
            model = asked.json.get("model_info", {}).get("id")
            if model is None:
                return self._failed(400, "Authentication Error, model_info not provided", "auth_error")
            return self._change(model, asked.json, dropping=True)
        found = re.match(r"^/model/([^/]+)/update$", asked.path)
        if asked.method == "PATCH" and found:
            wrong = self._body(asked.json)
            return (422, {"detail": wrong}) if wrong else self._change(found[1], asked.json, dropping=False)
        return 404, {"detail": "Not Found"}

    def _change(self, model, body, dropping):
        if model not in self.models:
            return self._failed(400, "Authentication Error, model not found", "auth_error")
        group, params, stored = self.models[model]
        if not stored:
            told = "{'error': \"Can't edit model. Model in config. Store model in db via `/model/new`. to edit.\"}"
            return self._failed(400, told, "auth_error")
        if not self.stores:
            return (
                (200, None) if dropping else self._failed(400, "Model updates only supported for DB-stored models", "")
            )
        new = {**dict.fromkeys(SWITCHES, False), **{k: v for k, v in body["litellm_params"].items() if v is not None}}
        old = {k: v for k, v in params.items() if k in DECLARED} if dropping else params
        self.models[model] = (body.get("model_name") or group, {**old, **new}, stored)
        return 200, {"model_id": model, "model_name": group, "litellm_params": self.models[model][1]}

    def _shown(self, model):
        group, params, stored = self.models[model]
        shown = {}
        for name, value in params.items():
            if name in SECRETS:
                continue
            hidden = any(part in ("secret", "password", "token", "auth", "credential") for part in name.split("_"))
            shown[name] = f"{str(value)[:4]}{'*' * 8}" if hidden else value
        return {
            "model_name": group,
            "litellm_params": shown,
            "model_info": {"id": model, "db_model": stored, "mode": "chat"},
        }

    @staticmethod
    def _body(body):
        """What pydantic refuses; other keys are ignored, as there."""
        for name in ("litellm_params", "model_info"):
            if name in body and not isinstance(body[name], dict):
                return [{"loc": ["body", name], "msg": "Input should be a valid dictionary", "type": "dict_type"}]
        return None

    @staticmethod
    def _failed(code, told, kind):
        return code, {"error": {"message": told, "type": kind, "param": "None", "code": str(code)}}

    def weights(self):
        return {model: params.get("weight") for model, (_, params, _) in self.models.items()}
