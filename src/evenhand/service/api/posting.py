"""From the body of a posted round to the text of its answer: shared by the routes and by the short way to them."""

from __future__ import annotations

import json
import time
from typing import Any

from evenhand.errors import ParameterError, ProblemError
from evenhand.service.api.errors import error_told
from evenhand.service.commands.post import Post, PostMany
from evenhand.service.errors import LimitError
from evenhand.service.service import Service

__all__ = ["AGAIN", "an_outcome", "checked", "decide_many", "decide_one"]

#: header of an answer that was stored before
AGAIN = {"Idempotent_Replay": "true"}


async def decide_one(service: Service, name: str, data: dict[str, Any], key: str | None) -> tuple[int, str, bool]:
    """Status, JSON text, and whether it was stored before. Raises as `Post`."""
    begun = time.perf_counter()
    command = checked(name, data, key)
    with service.metrics.watched(name):
        answered = await service.desk.do(command)
    service.metrics.seconds.observe(time.perf_counter() - begun)
    return 200 if answered.again else 201, answered.text, answered.again


async def decide_many(service: Service, name: str, data: dict[str, Any]) -> str:
    """JSON text of the answers. Raises as `PostMany`, ParameterError and LimitError."""
    begun = time.perf_counter()
    many: Any = data.get("rounds")
    if not isinstance(many, list) or not many or not all(isinstance(one, dict) for one in many) or len(data) > 1:
        raise ParameterError('write {"rounds": [...]}, each as one that is posted alone')
    most = service.settings.limits.rounds
    if len(many) > most:
        raise LimitError(f"{len(many)} rounds are sent: at most {most} at once")
    with service.metrics.watched(name):
        answers, error = await service.desk.do(PostMany(name, tuple(checked(name, one, None) for one in many)))
    for _ in answers:
        service.metrics.seconds.observe(time.perf_counter() - begun)
    refused = "null" if error is None else json.dumps(error_told(error))
    return f'{{"rounds":[{",".join(answer.text for answer in answers)}],"error":{refused}}}'


def checked(name: str, data: dict[str, Any], header: str | None) -> Post:
    """A checked request. Raises ParameterError, ProblemError."""
    number, key = data.get("round"), data.get("key", header)
    if number is not None and (isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 1 << 60):
        raise ParameterError(f"round is {number!r:.40}: give the number of the round, from 0, or leave it out")
    if key is not None and (not isinstance(key, str) or not 0 < len(key) <= 200 or not key.isprintable()):
        raise ParameterError(f"key is {key!r:.40}: give a text of 1 to 200 letters that can be printed")
    if header is not None and key != header:
        raise ParameterError("key and the header Idempotency-Key differ: give one of them")
    for flag in ("missed", "explain"):
        if not isinstance(data.get(flag, False), bool):
            raise ParameterError(f"{flag} is {data[flag]!r:.40}: write true or false")
    if data.get("previous") is not None:
        an_outcome("previous", data["previous"])
    return Post(name, data, key)


def an_outcome(where: str, data: Any) -> dict[str, Any]:
    """What was applied and measured, as an object. Raises ProblemError."""
    if not isinstance(data, dict):
        raise ProblemError(f"{where} is {data!r:.40}: write an object such as {{'applied': {{...}}}}")
    return data
