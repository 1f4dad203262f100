"""Judges every answer against botocore's model of the operation.

botocore itself parses generously: it drops members it does not know and never asks for required ones. So the body is
read once more here, as it came over the wire.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as xml
from datetime import datetime

import regex

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

# Errors AWS answers although no operation models them.
UNMODELLED = {
    ("ssm-incidents", "UnsupportedOperationException"),
    ("sts", "ValidationError"),
    ("sts", "AccessDenied"),
    ("sts", "Throttling"),
    ("sts", "InternalFailure"),
}

# The Smithy traits of ssm-contacts, which its documented status codes (400 and 500) do not follow.
SMITHY_STATUS = {
    "AccessDeniedException": 403,
    "ConflictException": 409,
    "DataEncryptionException": 400,
    "InternalServerException": 500,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 402,
    "ThrottlingException": 429,
    "ValidationException": 400,
}

_request_ids = set()


def watch(client):
    """Judges every answer this client gets, from now on."""
    client.meta.events.register("after-call.*.*", _judge)


def _judge(http_response, parsed, model, **_):
    service = model.service_model
    protocol = service.metadata["protocol"]
    where = f"{service.service_name} {model.name}"
    headers = {name.lower(): value for name, value in http_response.headers.items()}
    body = http_response.content

    request_id = headers.get("x-amzn-requestid")
    assert request_id and UUID.fullmatch(request_id), f"{where}: x-amzn-RequestId is {request_id!r}"
    assert request_id not in _request_ids, f"{where}: request id {request_id} was used before"
    _request_ids.add(request_id)
    assert parsed["ResponseMetadata"]["RequestId"] == request_id, f"{where}: the body tells another request id"

    expected_type = {"json": "application/x-amz-json-1.1", "rest-json": "application/json", "query": "text/xml"}
    expected_type["ec2"] = "text/xml"
    content_type = headers.get("content-type", "")
    if body:
        assert content_type.split(";")[0] == expected_type[protocol], f"{where}: content type {content_type!r}"

    if http_response.status_code < 300:
        {"json": _json, "rest-json": _rest_json, "query": _query, "ec2": _ec2}[protocol](model, http_response, where)
    elif protocol == "ec2":
        _ec2_error(http_response, where)
    elif protocol == "query":
        _query_error(model, http_response, where)
    else:
        _json_error(model, http_response, headers, parsed, where)


def _json(model, response, where):
    assert response.status_code == 200, f"{where}: status {response.status_code}"
    document = json.loads(response.content)
    if model.output_shape is None:
        assert document == {}, f"{where}: the operation has no output, the answer is {document}"
    else:
        check(model.output_shape, document, where)


def _rest_json(model, response, where):
    expected = model.http.get("responseCode", 200)
    assert response.status_code == expected, f"{where}: status {response.status_code} instead of {expected}"
    if expected == 204:
        assert not response.content, f"{where}: a 204 with a body"
        return
    document = json.loads(response.content) if response.content else {}
    if model.output_shape is None:
        assert document == {}, f"{where}: the operation has no output, the answer is {document}"
    else:
        check(model.output_shape, document, where)


def _query(model, response, where):
    assert response.status_code == 200, f"{where}: status {response.status_code}"
    root = xml.fromstring(response.content)
    namespace = "{" + model.service_model.metadata["xmlNamespace"] + "}"
    assert root.tag == f"{namespace}{model.name}Response", f"{where}: root element {root.tag}"
    result = root.find(f"{namespace}{model.output_shape.serialization['resultWrapper']}")
    assert result is not None, f"{where}: no result element"
    check_xml(model.output_shape, result, namespace, where)
    metadata = root.find(f"{namespace}ResponseMetadata/{namespace}RequestId")
    assert metadata is not None and metadata.text, f"{where}: no ResponseMetadata/RequestId"


def _ec2(model, response, where):
    assert response.status_code == 200, f"{where}: status {response.status_code}"
    root = xml.fromstring(response.content)
    namespace = "{" + model.service_model.metadata["xmlNamespace"].rstrip("/") + "/}"
    assert root.tag == f"{namespace}{model.name}Response", f"{where}: root element {root.tag}"
    request_id, *rest = root
    assert request_id.tag == f"{namespace}requestId" and request_id.text, f"{where}: no requestId"
    if model.output_shape is None:
        # Beyond the model: what has no output says that it worked.
        said = [(child.tag.replace(namespace, ""), child.text) for child in rest]
        assert said == [("return", "true")], f"{where}: {said}"
        return
    root.remove(request_id)
    check_ec2(model.output_shape, root, namespace, where)


def _ec2_error(response, where):
    root = xml.fromstring(response.content)
    assert root.tag == "Response", f"{where}: root element {root.tag}"
    assert [child.tag for child in root] == ["Errors", "RequestID"], where
    [error] = root.find("Errors")
    assert [child.tag for child in error] == ["Code", "Message"], where
    code, text = (child.text for child in error)
    assert code and text, f"{where}: {code} {text}"
    special = {"UnauthorizedOperation": 403, "DryRunOperation": 412, "RequestLimitExceeded": 503, "Unavailable": 503}
    expected = special.get(code, 500 if code.startswith("Internal") else 400)
    assert response.status_code == expected, f"{where} {code}: status {response.status_code}"


def check_ec2(shape, element, namespace, where):
    """The same for EC2's XML: names of the wire, lists of `item`."""
    kind = shape.type_name
    if kind == "structure":
        names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        children = [child.tag.replace(namespace, "") for child in element]
        assert len(children) == len(set(children)), f"{where}: elements twice: {children}"
        unknown = set(children) - set(names)
        assert not unknown, f"{where}: elements unknown to the model: {sorted(unknown)}"
        for child in element:
            name = child.tag.replace(namespace, "")
            check_ec2(names[name], child, namespace, f"{where}.{name}")
    elif kind == "list":
        for index, child in enumerate(element):
            assert child.tag == f"{namespace}item", f"{where}[{index}]: {child.tag}"
            check_ec2(shape.member, child, namespace, f"{where}[{index}]")
    elif kind == "string" and shape.name == "State":
        # Interface and gateway endpoints do not spell their states as the model does.
        assert element.text.lower() in {value.lower() for value in shape.enum}, f"{where}: {element.text}"
    elif kind == "boolean":
        assert element.text in ("true", "false"), f"{where}: {element.text!r}"
    elif kind in ("integer", "long"):
        int(element.text)
    elif kind == "string":
        _string(shape, element.text or "", where)
    else:
        check_xml(shape, element, namespace, where)


def _json_error(model, response, headers, parsed, where):
    service = model.service_model
    code = parsed["Error"]["Code"]
    where = f"{where} {code}"
    document = json.loads(response.content)
    assert isinstance(document, dict), f"{where}: the body is {document!r}"

    wire = [document.pop("__type", None), headers.get("x-amzn-errortype")]
    wire = [name.split(":")[0].rsplit("#")[-1] for name in wire if name is not None]
    assert wire and set(wire) == {code}, f"{where}: the type on the wire is {wire}"
    if service.service_name == "ssm-contacts":
        assert "__type" in json.loads(response.content), f"{where}: a JSON 1.1 error without __type"

    names = {shape.metadata.get("error", {}).get("code", shape.name): shape for shape in model.error_shapes}
    if (service.service_name, code) in UNMODELLED:
        return
    assert code in names, f"{where}: not an error of this operation ({sorted(names)})"
    shape = names[code]
    check(shape, document, where)

    if service.service_name == "ssm-contacts":
        legal = {500 if shape.metadata.get("fault") else 400, SMITHY_STATUS[code]}
    else:
        legal = {shape.metadata["error"]["httpStatusCode"]}
    assert response.status_code in legal, f"{where}: status {response.status_code}, not {legal}"


def _query_error(model, response, where):
    root = xml.fromstring(response.content)
    namespace = "{" + model.service_model.metadata["xmlNamespace"] + "}"
    assert root.tag == f"{namespace}ErrorResponse", f"{where}: root element {root.tag}"
    tags = [child.tag.replace(namespace, "") for child in root]
    assert tags == ["Error", "RequestId"], f"{where}: {tags}"
    fields = {child.tag.replace(namespace, ""): child.text for child in root.find(f"{namespace}Error")}
    assert set(fields) == {"Type", "Code", "Message"}, f"{where}: {fields}"
    assert fields["Type"] == ("Receiver" if response.status_code >= 500 else "Sender"), f"{where}: {fields}"
    names = {shape.metadata.get("error", {}).get("code", shape.name) for shape in model.error_shapes}
    known = fields["Code"] in names or (model.service_model.service_name, fields["Code"]) in UNMODELLED
    assert known, f"{where}: {fields['Code']} is not an error of this operation"


def check(shape, value, where):
    """Asserts that a JSON value has the given shape, to the last member."""
    kind = shape.type_name
    if kind == "structure":
        assert isinstance(value, dict), f"{where}: {value!r} is no structure"
        names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
        unknown = set(value) - set(names)
        assert not unknown, f"{where}: members unknown to the model: {sorted(unknown)}"
        missing = [name for name in shape.required_members if value.get(_wire(shape, name)) is None]
        assert not missing, f"{where}: required members missing: {missing}"
        if getattr(shape, "is_tagged_union", False):
            assert len(value) == 1, f"{where}: a union with the members {sorted(value)}"
        for wire, inner in value.items():
            assert inner is not None, f"{where}.{wire}: null"
            check(shape.members[names[wire]], inner, f"{where}.{wire}")
    elif kind == "list":
        assert isinstance(value, list), f"{where}: {value!r} is no list"
        _bounds(shape, len(value), where)
        for index, inner in enumerate(value):
            check(shape.member, inner, f"{where}[{index}]")
    elif kind == "map":
        assert isinstance(value, dict), f"{where}: {value!r} is no map"
        # An untagged resource has an empty tag map, whatever the input's minimum says.
        if value:
            _bounds(shape, len(value), where)
        for key, inner in value.items():
            check(shape.key, key, f"{where} key")
            check(shape.value, inner, f"{where}[{key}]")
    elif kind == "string":
        assert isinstance(value, str), f"{where}: {value!r} is no string"
        _string(shape, value, where)
    elif kind == "boolean":
        assert isinstance(value, bool), f"{where}: {value!r} is no boolean"
    elif kind in ("integer", "long"):
        assert isinstance(value, int) and not isinstance(value, bool), f"{where}: {value!r} is no integer"
        _bounds(shape, value, where)
    elif kind == "timestamp":
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        assert number, f"{where}: {value!r} is no timestamp in epoch seconds"
        assert 946_684_800 < value < 4_102_444_800, f"{where}: {value} is not in this century (milliseconds?)"
    else:
        raise AssertionError(f"{where}: no rule for the type {kind}")


def check_xml(shape, element, namespace, where):
    """The same for the Query protocol's XML."""
    kind = shape.type_name
    if kind == "structure":
        children = [child.tag.replace(namespace, "") for child in element]
        assert len(children) == len(set(children)), f"{where}: elements twice: {children}"
        unknown = set(children) - set(shape.members)
        assert not unknown, f"{where}: elements unknown to the model: {sorted(unknown)}"
        missing = set(shape.required_members) - set(children)
        assert not missing, f"{where}: required elements missing: {sorted(missing)}"
        for child in element:
            name = child.tag.replace(namespace, "")
            check_xml(shape.members[name], child, namespace, f"{where}.{name}")
    elif kind == "string":
        _string(shape, element.text or "", where)
    elif kind == "integer":
        _bounds(shape, int(element.text), where)
    elif kind == "timestamp":
        datetime.strptime(re.sub(r"\.\d+Z$", "Z", element.text), "%Y-%m-%dT%H:%M:%SZ")
    else:
        raise AssertionError(f"{where}: no rule for the type {kind}")


def _wire(shape, name):
    return shape.members[name].serialization.get("name", name)


def _bounds(shape, size, where):
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    assert low is None or size >= low, f"{where}: {size} is less than {low}"
    assert high is None or size <= high, f"{where}: {size} is more than {high}"


def _string(shape, value, where):
    _bounds(shape, len(value), where)
    if shape.enum:
        assert value in shape.enum, f"{where}: {value!r} is none of {shape.enum}"
    pattern = shape.metadata.get("pattern")
    if pattern:
        assert regex.fullmatch(pattern, value), f"{where}: {value!r} does not match {pattern}"
