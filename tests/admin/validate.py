"""Compares a running server with src/admin/openapi.json, by a foreign validator (openapi-core).

Usage: validate.py OPENAPI http://HOST:PORT TOKEN. Every request that is meant to be valid,
and every answer, errors too, must match the description.
"""
import json
import sys

from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
import requests

openapi, server, token = sys.argv[1:]
api = json.load(open(openapi))
api["servers"] = [{"url": server}]
spec = OpenAPI.from_dict(api, config=Config(extra_media_type_deserializers={"application/problem+json": json.loads}))
seen = set()


def ask(method, path, body=None, status=200, authorized=True, valid=True):
    headers = {"Authorization": f"Bearer {token}"} if authorized else {}
    request = requests.Request(method, server + path, headers=headers, json=body).prepare()
    seen_by_validator = RequestsOpenAPIRequest(request)
    if valid:
        spec.validate_request(seen_by_validator)
    with requests.Session() as session:
        answer = session.send(request, timeout=20)
    assert answer.status_code == status, (method, path, body, answer.status_code, answer.text)
    spec.validate_response(seen_by_validator, RequestsOpenAPIResponse(answer))
    seen.add((method, path.split("?")[0], status))
    return answer


ask("GET", "/v1/status")
ask("GET", "/v1/status", status=401, authorized=False, valid=False)
ask("POST", "/v1/members", {"id": 7, "nick": "dave", "password": "a good one"}, 201)
ask("POST", "/v1/members", {"id": 7, "nick": "dave", "password": "a good one"}, 409)
ask("POST", "/v1/members", {"id": 8, "nick": "x y", "password": "a good one"}, 422)
ask("POST", "/v1/members", {"id": 8, "role": "admin"}, 422, valid=False)
ask("PATCH", "/v1/members/7", {"name": "Dave", "active": True})
ask("PATCH", "/v1/members/9", {}, 404)
ask("POST", "/v1/tickets", {"id": 7}, 201)
ask("POST", "/v1/tickets", {"id": 9}, 404)
for limit in (1, 1000):
    ask("GET", f"/v1/clients?limit={limit}")
    ask("GET", f"/v1/rooms?limit={limit}")
ask("GET", "/v1/clients?limit=0", status=422, valid=False)
ask("POST", "/v1/announce", {"text": "Hello"})
ask("POST", "/v1/announce", {"text": "Hello", "room": "#none"}, 404)
ask("POST", "/v1/announce", {}, 422, valid=False)
ask("POST", "/v1/messages", {"from": "Site", "to": "nobody", "text": "Hello"}, 404)
ask("POST", "/v1/messages", {"from": "erin", "to": "dave", "text": "Hello"}, 403)
ask("POST", "/v1/clients/%C3%A9%20%2F/kick", {"reason": "Too loud"}, 404)
ask("POST", "/v1/reload", {})
ask("GET", "/metrics")
ask("DELETE", "/v1/members/7")
ask("DELETE", "/v1/members/7", status=404)
ask("POST", "/v1/drain", {"seconds": 0})

operations = {(method.upper(), path) for path, item in api["paths"].items() for method in item}
print(f"{len(seen)} kinds of answers are as described, of {len(operations)} operations")
