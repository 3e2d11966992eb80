"""`sluice check`: what it prints and how it ends, and that the schema for editors says what the reader says."""

import concurrent.futures
import json
import pathlib
import re
import tomllib

import jsonschema
import pytest
from certificates import self_signed
from clients import IS_ROOT, run_sluice

SOURCES = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = SOURCES / "tests" / "unit" / "conf" / "golden"
EXAMPLES = SOURCES / "conf" / "examples"

# What the schema can say, too; everything else takes more than one value at a time.
SHAPE = {"unknown-key", "wrong-type", "wrong-choice", "out-of-range", "missing-key", "limit-elsewhere"}


def write(folder: pathlib.Path, text: str, name: str = "sluice.toml") -> pathlib.Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def diagnostics(path: pathlib.Path) -> list[dict]:
    done = run_sluice("check", "-c", path, "--json")
    found = json.loads(done.stdout)
    assert done.returncode == (1 if any(one["severity"] == "error" for one in found) else 0)
    return found


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(run_sluice("check", "--schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


# --- What it prints ---------------------------------------------------------------------------------------------------

GOOD = """
[[listener]]
name = "public"
address = "127.0.0.1:0"

[[site]]
name = "blog"
hosts = ["example.com", "*.example.com"]
default = true
root = "public"

[[site.route]]
prefix = "/docs/"
files = "docs"
else = "next"

[[site.route]]
pattern = "/docs/*/old"
redirect = { to = "/docs/$1", status = 308 }

[[site.route]]
path = "/docs/health"
respond = 204

[[site]]
hosts = ["b.example"]
listeners = ["public"]
[[site.route]]
prefix = "/"
respond = "b"
"""


def test_a_good_file_shows_its_sites_with_their_routes_in_the_order_in_which_they_are_tried(tmp_path):
    (tmp_path / "public").mkdir()
    path = write(tmp_path, GOOD)
    done = run_sluice("check", "-c", path)
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert "blog (default)" in lines
    assert "  hosts     example.com, *.example.com" in lines
    assert "  listeners public" in lines
    tried = [line.split()[:3] for line in lines if re.match(r"  (path|prefix|pattern) ", line)]
    assert tried == [["path", "/docs/health", "respond"], ["pattern", "/docs/*/old", "redirect"],
                     ["prefix", "/docs/", "files"], ["prefix", "/", "files"], ["prefix", "/", "respond"]]
    # The folder docs is not there.
    assert lines[-1] == f"{path}: 2 sites, 5 routes, no errors, 1 warning"
    assert f"{path}:14:9: warning: the folder 'docs' does not exist" in lines


def test_every_mistake_is_shown_and_the_exit_code_is_1(tmp_path):
    path = write(tmp_path, 'wrokers = 2\n[[site]]\nroot = "."\nlisting = "yes"\n')
    done = run_sluice("check", "-c", path)
    assert done.returncode == 1 and done.stderr == ""
    assert done.stdout == f"""\
{path}:1:1: error: unknown key 'wrokers' in the file
    1 | wrokers = 2
      | ^~~~~~~
      = did you mean 'workers'?

{path}:4:11: error: 'listing' is a string
    4 | listing = "yes"
      |           ^~~~~
      = expected true or false

{path}: 2 errors, no warnings
"""


def test_for_machines_it_is_a_json_array_and_nothing_else(tmp_path):
    path = write(tmp_path, 'wrokers = 2\n[[site]]\nroot = "nowhere"\n')
    assert diagnostics(path) == [
        {"code": "unknown-key", "severity": "error", "file": str(path), "line": 1, "column": 1, "width": 7,
         "message": "unknown key 'wrokers' in the file", "notes": ["did you mean 'workers'?"]},
        {"code": "missing-root", "severity": "warning", "file": str(path), "line": 3, "column": 8, "width": 9,
         "message": "the folder 'nowhere' does not exist", "notes": [f"looked at {tmp_path / 'nowhere'}"]},
    ]
    assert diagnostics(write(tmp_path, '[[site]]\nroot = "."\n')) == []


def test_a_file_that_is_no_utf8_is_still_json(tmp_path):
    path = tmp_path / "sluice.toml"
    path.write_bytes(b'[[site]]\nname = "\xff\xfe"\n')
    assert [one["code"] for one in diagnostics(path)] == ["toml-syntax"]


def test_variables_come_from_the_environment(tmp_path, monkeypatch):
    path = write(tmp_path, '[[site]]\nroot = "."\nhosts = ["${SLUICE_TEST_HOST}"]\n')
    monkeypatch.delenv("SLUICE_TEST_HOST", raising=False)
    assert [one["code"] for one in diagnostics(path)] == ["unset-variable"]
    monkeypatch.setenv("SLUICE_TEST_HOST", "example.com")
    assert "  hosts     example.com" in run_sluice("check", "-c", path).stdout.splitlines()


def test_without_a_name_it_looks_into_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, '[[site]]\nroot = "."\n')
    done = run_sluice("check")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "sluice.toml: 1 site, 1 route, no errors, no warnings"


@pytest.mark.skipif(pathlib.Path("/etc/sluice/sluice.toml").exists(), reason="this machine has a configuration")
def test_without_any_file_it_says_where_it_looked_and_what_needs_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run_sluice("check")
    assert done.returncode == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("sluice: error: ")
    assert "/etc/sluice/sluice.toml" in line and "sluice serve" in line


def test_a_file_that_does_not_exist_is_one_error(tmp_path):
    path = tmp_path / "nothing.toml"
    assert [(one["code"], one["line"]) for one in diagnostics(path)] == [("unreadable-file", 0)]


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_examples_are_without_errors_and_warnings(example, tmp_path, monkeypatch):
    # No example brings a certificate; `check` looks into those that are there.
    made = self_signed(tmp_path / "made", "example.com", ["example.com", "www.example.com"])
    made.chain.rename(tmp_path / "site.pem")
    made.key.rename(tmp_path / "site.key")
    monkeypatch.setenv("SLUICE_CERTIFICATES", str(tmp_path))
    done = run_sluice("check", "-c", example)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].endswith("no errors, no warnings")


PROXIES = """
trusted_proxies = ["127.0.0.1"]

[[listener]]
name = "public"
address = "127.0.0.1:0"
proxy_protocol = true

[[site]]
proxy = "http://app:3000"

[[site.route]]
prefix = "/v1/"
[site.route.proxy]
to = "https://api.example.com/base"
strip = "/v1"
host = "upstream"
http2 = "always"
underscores = true
buffer_request = "64 KiB"
proxy_protocol = "v2"
tls = { verify = false }

[[site.route]]
prefix = "/app/"
proxy = { to = "unix:/run/app.sock", tls = { name = "app" }, host = "app.example", http2 = "never", proxy_protocol = "v1" }
"""


def test_proxies_are_shown_with_what_is_not_as_ever(tmp_path):
    path = write(tmp_path, PROXIES)
    done = run_sluice("check", "-c", path)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert "listener public at 127.0.0.1:0, PROXY protocol" in lines
    shown = [" ".join(line.split()) for line in lines if " proxy " in line]
    assert shown == [
        f"prefix /app/ proxy unix:/run/app.sock, TLS, HTTP/2 never, PROXY v1, host app.example ({path}:24)",
        "prefix /v1/ proxy https://api.example.com/base, not verified, HTTP/2 always, PROXY v2, strip /v1, "
        f"host upstream, underscores, buffer 64KiB ({path}:12)",
        f"prefix / proxy http://app:3000 ({path}:10)",
    ]
    assert lines[-1] == f"{path}: 1 site, 3 routes, no errors, 1 warning"


def test_verification_switched_off_is_a_warning(tmp_path):
    (one,) = diagnostics(write(tmp_path, PROXIES))
    assert (one["code"], one["severity"], one["line"]) == ("upstream-not-verified", "warning", 22)


def test_what_an_upstream_is_shown_and_whom_it_must_be_signed_by_is_looked_into(tmp_path):
    made = self_signed(tmp_path / "made", "app", ["app"])
    text = '[[site]]\nproxy = { to = "https://app", tls = { authorities = "made/%s" } }\n'
    path = write(tmp_path, text % made.chain.name)
    assert diagnostics(path) == []
    (tmp_path / "made" / "empty.pem").write_text("nothing\n")
    (one,) = diagnostics(write(tmp_path, text % "empty.pem"))
    assert (one["code"], one["severity"], one["line"]) == ("tls-file", "error", 2)
    assert "empty.pem" in one["message"]
    # What is not there yet was said already, as a warning.
    assert [one["code"] for one in diagnostics(write(tmp_path, text % "none.pem"))] == ["missing-tls-file"]


TLS = """
[[listener]]
address = "127.0.0.1:0"
tls = true

[[certificate]]
chain = "certs/site.pem"
key = "certs/site.key"

[[site]]
root = "."
"""


def test_certificates_that_are_not_there_yet_are_warned_of(tmp_path):
    path = write(tmp_path, TLS.replace('root = "."', 'root = "public"'))
    (tmp_path / "public").mkdir()
    assert [(one["code"], one["severity"], one["line"], one["notes"]) for one in diagnostics(path)] == [
        ("missing-tls-file", "warning", 7, [f"looked at {tmp_path / 'certs/site.pem'}"]),
        ("missing-tls-file", "warning", 8, [f"looked at {tmp_path / 'certs/site.key'}"]),
    ]


def test_what_is_wrong_in_a_certificates_file_is_told_with_its_place(tmp_path):
    path = write(tmp_path, TLS.replace('root = "."', 'root = "public"\nhosts = ["elsewhere.example"]'))
    for folder in ("public", "certs"):
        (tmp_path / folder).mkdir()
    made, other = self_signed(tmp_path / "made"), self_signed(tmp_path / "made")
    made.chain.rename(tmp_path / "certs/site.pem")
    other.key.rename(tmp_path / "certs/site.key")
    (error,) = diagnostics(path)
    assert (error["code"], error["severity"], error["file"], error["line"]) == ("tls-file", "error", str(path), 6)
    assert "site.key" in error["message"] and "certificate" in error["message"]
    made.key.rename(tmp_path / "certs/site.key")
    (warning,) = diagnostics(path)
    assert (warning["code"], warning["severity"], warning["line"]) == ("tls-file", "warning", 10)
    assert "no certificate" in warning["message"] and "elsewhere.example" in warning["message"]


def test_a_key_among_the_pages_is_an_error(tmp_path):
    (tmp_path / "certs").mkdir()
    for name in ("site.pem", "site.key"):
        (tmp_path / "certs" / name).touch()
    (error,) = diagnostics(write(tmp_path, TLS))
    assert (error["code"], error["severity"], error["line"]) == ("secret-below-root", "error", 8)


@pytest.mark.skipif(IS_ROOT, reason="root may read everything")
def test_a_key_that_only_the_servers_user_may_read_is_a_warning(tmp_path):
    path = write(tmp_path, TLS.replace('root = "."', 'root = "public"'))
    for folder in ("public", "certs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "certs" / "site.pem").touch()
    (tmp_path / "certs" / "site.key").touch(mode=0)
    assert [(one["code"], one["severity"]) for one in diagnostics(path)] == [("unreadable-tls-file", "warning")]


# --- Schema and reader agree ------------------------------------------------------------------------------------------


def toml_files():
    return sorted([*EXAMPLES.rglob("*.toml"), *GOLDEN.glob("*.toml")])


@pytest.mark.parametrize("path", toml_files(), ids=lambda path: path.stem)
def test_the_schema_takes_what_the_reader_takes_and_refuses_what_has_a_wrong_shape(path, validator, monkeypatch):
    monkeypatch.setenv("DOMAIN", "example.com")
    try:
        document = tomllib.loads(path.read_text())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        assert "toml-syntax" in {one["code"] for one in diagnostics(path)} or "duplicate" in path.stem
        return
    found = diagnostics(path)
    here = {one["code"] for one in found if one["severity"] == "error" and one["file"] == str(path)}
    valid = validator.is_valid(document)
    if not any(one["severity"] == "error" for one in found):
        assert valid, list(validator.iter_errors(document))
    elif here & SHAPE and "${" not in path.read_text():
        assert not valid, here


def as_toml(value) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {as_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return json.dumps(value)


def places(schema: dict, table: dict, build, name: str = ""):
    """Every key below `table`, as (name, what makes a whole document of a value)."""
    properties = dict(table.get("properties", {}))
    if isinstance(table.get("additionalProperties"), dict):
        properties = {"404" if "xx" in str(table.get("propertyNames")) else "x": table["additionalProperties"]}
    for key, value in properties.items():
        def make(inner, key=key):
            return build({key: inner})
        yield f"{name}.{key}".lstrip("."), make
        for option in value.get("anyOf", [value]):
            item = option.get("items", option)
            if "$ref" not in item:
                continue
            inner = schema["$defs"][item["$ref"].rsplit("/", 1)[1]]
            wrap = (lambda table, make=make: make([table])) if "items" in option else make
            yield from places(schema, inner, wrap, f"{name}.{key}")


CANDIDATES = [1.5, True, 7, "text", "$", ["text"], [7], [{"unknown": 1}], {"unknown": 1}, [], -1]


@pytest.mark.long
def test_for_each_key_the_same_kinds_of_values_are_refused_by_both(tmp_path, validator):
    documents = [(f"{name} = {value!r}", make(value))
                 for name, make in places(validator.schema, validator.schema, lambda table: table)
                 for value in CANDIDATES]
    assert len(documents) > 1000

    def disagreement(number: int) -> str | None:
        name, document = documents[number]
        text = "".join(f"{key} = {as_toml(value)}\n" for key, value in document.items())
        errors = {one["code"] for one in diagnostics(write(tmp_path, text, f"{number}.toml"))
                  if one["severity"] == "error"}
        valid = validator.is_valid(document)
        if valid and errors & SHAPE:
            return f"{name}: the schema takes it, the reader says {errors}"
        if not valid and not errors:
            return f"{name}: the reader takes it, the schema does not"
        return None

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert [one for one in pool.map(disagreement, range(len(documents))) if one] == []


def test_wrong_types_are_refused_by_both(tmp_path, validator):
    # No key takes a number with a fraction, so this is the wrong type for each.
    for number, (name, make) in enumerate(places(validator.schema, validator.schema, lambda table: table)):
        document = make(1.5)
        assert not validator.is_valid(document), name
        text = "".join(f"{key} = {as_toml(value)}\n" for key, value in document.items())
        codes = {one["code"] for one in diagnostics(write(tmp_path, text, f"{number}.toml"))}
        assert "wrong-type" in codes, name
