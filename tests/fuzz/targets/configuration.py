"""What stands in a configuration file."""

import atexit
import math
import shutil
import tempfile
from pathlib import Path

from flamenco_mgr.settings import ConfigErrors, load
from flamenco_mgr.settings.addresses import parse_address, parse_database_url, parse_id, parse_web_url
from flamenco_mgr.settings.durations import format_duration, parse_duration
from flamenco_mgr.settings.problems import Unfit
from flamenco_mgr.settings.writing import dump
from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.mongo.uri import MongoAddress
from tests.fuzz.target import Target

_RUNDIR = Path(tempfile.mkdtemp(prefix="flamenco-fuzz-"))
atexit.register(shutil.rmtree, _RUNDIR)


def _yaml(data: bytes) -> None:
    file = _RUNDIR / "given.yaml"
    file.write_bytes(data)
    settings = load(file, _RUNDIR).settings
    again = _RUNDIR / "written.yaml"
    again.write_text(dump(settings, mask_secrets=False), encoding="utf-8")
    assert load(again, _RUNDIR).settings == settings, "what is written reads back as something else"
    if len(settings.manager_secret) >= 20:
        assert settings.manager_secret not in dump(settings, mask_secrets=True), "the secret is shown"


def _duration(data: bytes) -> None:
    seconds = parse_duration(data.decode("utf-8", "replace"))
    assert math.isfinite(seconds)
    assert parse_duration(format_duration(seconds)) == seconds, f"{seconds} reads back as something else"


def _address(data: bytes) -> None:
    address = parse_address(data.decode("utf-8", "replace"))
    assert 0 <= address.port < 1 << 16
    assert parse_address(str(address)) == address, f"{address} reads back as something else"


def _url(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    url = parse_web_url(text)
    assert url.isprintable()
    assert parse_web_url(url) == url


def _id(data: bytes) -> None:
    found = parse_id(data.decode("utf-8", "replace"))
    assert parse_id(found) == found
    assert len(found) in (0, 24)


def _mongo_uri(data: bytes) -> None:
    text = parse_database_url(data.decode("utf-8", "replace"))
    if not text:
        return
    address = MongoAddress.from_text(text)
    again = MongoAddress.from_text(address.driver_uri)
    assert (again.hosts, again.database, again.replica_set) == (address.hosts, address.database, address.replica_set)
    if again.login is not None:
        assert again.login == address.login, "the driver would log in as somebody else"
    assert address.shown.isprintable()


def _laughs() -> bytes:
    lines = [b"a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [b"a%d: &a%d [%s]" % (n, n, b",".join([b"*a%d" % (n - 1)] * 10)) for n in range(1, 10)]
    return b"\n".join(lines)


_V2 = (
    b"_meta: {version: 2}\nlisten: ':8080'\nmanager_id: 5d7b9f3ae4b0c83a1f2d6e11\n"
    b"manager_secret: abcdefghijklmnopqrstuvwx\n"
    b"flamenco: http://server/\nvariables:\n  blender:\n    direction: oneway\n    values:\n"
    b"    - {audience: all, platform: linux, value: /b}\n    - {platforms: [windows, darwin], value: 'C:/b'}\n"
    b"active_task_timeout_interval: 1h30m\n"
)
_V1 = (
    b"listen: :8083\nvariables: {blender: {linux: /b, windows: 'C:\\b'}}\npath_replacement: {job: {linux: /j}}\n"
    b"tlskey: k\ntlscert: c\nshaman: {garbageCollect: {period: 1h}}\n"
)

TARGETS = (
    Target(
        name="configuration",
        parse=_yaml,
        errors=(ConfigErrors,),
        seeds=(_V2, _V1, b"a: &x {listen: ':1'}\n<<: *x\n", b"database_url: mongodb://h/d\n\xff", b"? [a]\n: b\n"),
        words=(
            *(
                b"_meta: ",
                b"{version: 2}",
                b"variables:",
                b"direction: twoway",
                b"values: ",
                b"platform: ",
                b"&a ",
                b"*a",
            ),
            *(
                b"<<: ",
                b"!!str ",
                b"!x ",
                b"|\n",
                b">-\n",
                b"\n  - ",
                b"'",
                b'"\\x85"',
                b'"\\ud800"',
                b"---\n",
                b"shaman: ",
            ),
            *(b"listen: ", b"task_logs_path: ", b"database_path: ", b"own_url: ", b"12345678901234567890s"),
        ),
        large=lambda: (_laughs(), b"[" * 1_000, b"{a: " * 10_000, b"- " * 20_000, b"a" * 300_000, b"? " * 20_000),
        slow=True,
    ),
    Target(
        name="setting-duration",
        parse=_duration,
        errors=(Unfit,),
        seeds=(b"1h30m", b"-1.5h", b".5s", b"3 days", b"10", "5µs".encode()),
        words=(b"h", b"ms", b"ns", b".", b"-", b"99999999999", b"0.000000001s"),
        large=lambda: (b"1" * 10_000_000, b"1h" * 1_000_000, b" " * 1_000_000),
    ),
    Target(
        name="setting-address",
        parse=_address,
        errors=(Unfit,),
        seeds=(b":8080", b"[::1]:80", b"host.example:http", b"[fe80::1%eth0]:1", b"0.0.0.0:65536"),
        words=(b"[", b"]:", b":", b"::ffff:1.2.3.4", b"http", b"%"),
        large=lambda: (
            b"a" * 1_000_000,
            b"[" + b":" * 1_000_000 + b"]:1",
            b"a." * 100_000 + b":1",
            b"a" * 100_000 + b"!:1",
        ),
    ),
    Target(
        name="setting-url",
        parse=_url,
        errors=(Unfit,),
        seeds=(
            b"https://server.example:443/a",
            b"http://[::1]:80",
            b"http://u:p@h",
            b"http://[::1",
            b"h://\xe2\x84\x80.a",
        ),
        words=(b"http://", b"https://", b"[", b"]", b"@", b":99999", "℀".encode(), b"%00", b"#"),
        large=lambda: (b"http://" + b"a" * 2_000_000, b"http://[" + b":" * 1_000_000, b"a+" * 1_000_000 + b"://"),
    ),
    Target(
        name="setting-id",
        parse=_id,
        errors=(Unfit,),
        seeds=(b"5d7b9f3ae4b0c83a1f2d6e11", b"", b"5D7B9F3AE4B0C83A1F2D6E11\n"),
        words=(b"\n", b" "),
        large=lambda: (b"a" * 2_000_000,),
    ),
    Target(
        name="setting-database-url",
        parse=_mongo_uri,
        errors=(Unfit, StoreRefused),
        seeds=(
            b"mongodb://u%40:p%2F@h1,h2:27018,[::1]:3/d?replicaSet=rs&authSource=admin",
            b"mongodb://h/d?tls=true&tlsCAFile=/ca&tlsInsecure=true",
            b"mongodb://CN=a@h/d?authMechanism=MONGODB-X509&tls=true&tlsCertificateKeyFile=/none",
            b"mongodb://h/d?readPreferenceTags=a:b,&w=majority&compressors=zlib",
        ),
        words=(
            *(b"mongodb://", b"?", b"&", b"tls=true", b"replicaSet=", b"authMechanism=", b"authSource=", b"%2F", b"@"),
            *(
                b"authMechanismProperties=",
                b"SCRAM-SHA-1",
                b"readPreference=",
                b"directConnection=true",
                b"w=",
                b"ssl=",
            ),
            *(
                b"loadBalanced=true",
                b"readPreferenceTags=",
                b"maxStalenessSeconds=",
                b"uuidRepresentation=",
                b"%",
                b"::",
            ),
        ),
        large=lambda: (
            b"mongodb://" + b",".join([b"h"] * 5_000) + b"/d",
            b"mongodb://h/d?" + b"&".join([b"w=1"] * 5_000),
            b"mongodb://h/" + b"d" * 1_000_000,
        ),
    ),
)
