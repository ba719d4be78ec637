"""What a URI of a database says, and what is refused."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from flamenco_mgr.store.interfaces import StoreRefused
from flamenco_mgr.store.mongo.uri import SCRAM, X509, Login, MongoAddress, TLSWishes

# What is refused, and what the one line about it has in it.
REFUSED = {
    "mongodb+srv://cluster.example/flamenco": "mongodb://host1,host2,host3/database",
    "http://db1/flamenco": "mongodb://",
    "mongodb://db1": "which database",
    "mongodb://db1/": "which database",
    "mongodb://db1/?replicaSet=rs": "which database",
    "mongodb://db1/flamenco.tasks": "dot",
    "mongodb://db1/flamenco%00": "characters",
    "mongodb://db1:port/flamenco": "Port",
    "mongodb://db1:70000/flamenco": "Port",
    "mongodb://%2Ftmp%2Fmongodb.sock/flamenco": "Unix socket",
    "mongodb://db1/flamenco?nonsense=1": "nonsense",
    "mongodb://db1/flamenco?readPreference=secondary": "readPreference",
    "mongodb://db1/flamenco?loadBalanced=true": "loadBalanced",
    "mongodb://user:pw@db1/flamenco?authMechanism=SCRAM-SHA-256": "SCRAM-SHA-1",
    "mongodb://user:pw@db1/flamenco?authMechanism=PLAIN&authSource=%24external": "SCRAM-SHA-1",
    "mongodb://user:pw@db1/flamenco?authMechanism=MAGIC": "SCRAM-SHA-1",
    "mongodb://user@db1/flamenco": "both a user and a password",
    "mongodb://db1/flamenco?authMechanism=SCRAM-SHA-1": "both a user and a password",
    "mongodb://db1/flamenco?tls=true&authMechanism=MONGODB-X509": "tlsCertificateKeyFile",
    "mongodb://db1/flamenco?tls=perhaps": "tls",
    "mongodb://db1/flamenco?tls=true&ssl=false": "tls",
    "mongodb://db1/flamenco?tlsInsecure=true&tls=false": "nothing is encrypted",
    "mongodb://db1/flamenco?tls=true&tlsInsecure=true&tlsAllowInvalidCertificates=true": "simultaneously",
    "mongodb://db1/flamenco?tls=true&tlsCAFile=/nowhere/ca.pem": "/nowhere/ca.pem",
    "mongodb://db1/flamenco?tls=true&tlsCertificateKeyFilePassword=pw": "tlsCertificateKeyFile",
    f"mongodb://db1/flamenco?tls=true&tlsCRLFile={__file__}": "tlsCRLFile",
}

LEAKS = (
    "mongodb://user:geheim/nis@db1/flamenco",
    "mongodb://user:geheim?nis@db1/flamenco",
    "mongodb://user:geheim%nis@db1/flamenco",
    "mongodb://user:geheim/nis?a=nis&nis@db1/flamenco",
)


class AddressTests(SynchronousTestCase):
    def test_refused(self) -> None:
        """What cannot be understood, or cannot be done, is refused in one line that says what is wrong."""
        for text, why in REFUSED.items():
            refusal = self.assertRaises(StoreRefused, MongoAddress.from_text, text)
            self.assertIn(why, str(refusal), text)
            self.assertNotIn("\n", str(refusal))
            self.assertIn("database_url", str(refusal))

    def test_no_secret_in_a_refusal(self) -> None:
        """A password that is not escaped is refused, without a piece of it in the line."""
        for text in LEAKS:
            refusal = self.assertRaises(StoreRefused, MongoAddress.from_text, text)
            self.assertNotIn("geheim", str(refusal), text)
            self.assertNotIn("nis", str(refusal), text)

    def test_one_server(self) -> None:
        """A server without a port has MongoDB's usual one."""
        address = MongoAddress.from_text("mongodb://db1/flamenco")
        self.assertEqual(address, MongoAddress(hosts=[("db1", 27017)], database="flamenco"))
        self.assertEqual(address.shown, "flamenco on db1:27017")

    def test_replica_set(self) -> None:
        """The members of a replica set and its name come to the driver."""
        address = MongoAddress.from_text("mongodb://db1,db2:27018,[::1]:27019/flamenco?replicaSet=farm")
        self.assertEqual(address.hosts, [("db1", 27017), ("db2", 27018), ("::1", 27019)])
        self.assertEqual(address.driver_uri, "mongodb://db1:27017,db2:27018,[::1]:27019/flamenco?replicaSet=farm")

    def test_user(self) -> None:
        """A user logs in with SCRAM-SHA-1 at the database of the URI, or at the one that authSource names."""
        address = MongoAddress.from_text("mongodb://u%40x:p%2Fw@db1/flamenco")
        self.assertEqual(address.login, Login(mechanism=SCRAM, user="u@x", password="p/w", source="flamenco"))
        self.assertIn("mongodb://u%40x:p%2Fw@db1:27017/flamenco", address.driver_uri)
        address = MongoAddress.from_text("mongodb://u:p@db1/flamenco?authSource=admin&authMechanism=SCRAM-SHA-1")
        self.assertEqual(address.login, Login(mechanism=SCRAM, user="u", password="p", source="admin"))

    def test_secrets_are_not_shown(self) -> None:
        """Neither what is shown of an address, nor its representation, has a password in it."""
        text = f"mongodb://u:geheim@db1/flamenco?tls=true&tlsCertificateKeyFile={__file__}"
        address = MongoAddress.from_text(f"{text}&tlsCertificateKeyFilePassword=geheim")
        self.assertNotIn("geheim", repr(address) + address.shown)

    def test_certificate(self) -> None:
        """With MONGODB-X509 the certificate logs in, under the name that is given or its own."""
        text = f"mongodb://CN%3Dmanager@db1/flamenco?tls=true&authMechanism={X509}&tlsCertificateKeyFile={__file__}"
        self.assertEqual(
            MongoAddress.from_text(text).login, Login(mechanism=X509, user="CN=manager", source="$external")
        )

    def test_tls(self) -> None:
        """TLS and its options are read from the URI, also by their older names, and are no business of the driver."""
        here = Path(__file__)
        address = MongoAddress.from_text(
            f"mongodb://db1/flamenco?ssl=true&tlsCAFile={here}&tlsCertificateKeyFile={here}"
        )
        self.assertEqual(address.tls, TLSWishes(ca_file=here, certificate_key_file=here))
        self.assertEqual(address.driver_uri, "mongodb://db1:27017/flamenco")
        self.assertIsNone(MongoAddress.from_text("mongodb://db1/flamenco?tls=false").tls)

    def test_less_secure_tls(self) -> None:
        """Certificates and names that are not to be checked are two wishes, and tlsInsecure is both."""
        for option, wishes in {
            "tlsAllowInvalidCertificates": TLSWishes(any_certificate=True),
            "tlsAllowInvalidHostnames": TLSWishes(any_name=True),
            "tlsInsecure": TLSWishes(any_certificate=True, any_name=True),
        }.items():
            address = MongoAddress.from_text(f"mongodb://db1/flamenco?tls=true&{option}=true")
            self.assertEqual(address.tls, wishes)
