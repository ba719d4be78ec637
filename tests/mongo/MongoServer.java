// A stand-in for MongoDB in tests: mongo-java-server on 127.0.0.1, in memory or in a file. MIT licence.
//
//   java -cp 'JARS/*' MongoServer.java [--file FILE] [--tls PEM] [--until-eof] PORT ...
//
// Several ports are the members of one pretended replica set "rs": the same data behind each of them, the first is
// primary. "replSetStepDown" makes the next one primary, "shutdown" ends a member. "configureFailPoint" knows MongoDB's
// "failCommand" with its modes "alwaysOn", "off", times and skip. Our own additions: skip and times together, no
// failCommands for all of them, "database" for those of one, and closeAfter: the command is carried out and its answer
// is lost. "commandLog": DATABASE answers the commands that came for that database since it was asked last.
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.AbstractMongoBackend;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;
import java.io.ByteArrayInputStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.h2.mvstore.MVStore;

public class MongoServer {
    /** What clients are told: txmongo 26 wants at least wire version 7, today's PyMongo wants more. */
    static class Five implements MongoVersion {
        public List<Integer> getVersionArray() {
            return List.of(5, 0, 0);
        }

        public int getWireVersion() {
            return 13;
        }
    }

    static class Memory extends MemoryBackend {
        @Override
        public Document handleCommand(Channel channel, String db, String command, Document query) {
            return members.answer(channel, db, command, query, () -> super.handleCommand(channel, db, command, query));
        }
    }

    /** Durable: what a command wrote is committed before its answer, and no commit ever sees half of a command. */
    static class InFile extends H2Backend {
        InFile(String name) {
            super(new MVStore.Builder().fileName(name).autoCommitDisabled().open());
            getMvStore().setRetentionTime(0);
            getMvStore().setVersionsToKeep(0);
        }

        synchronized Document carryOut(Supplier<Document> work) {
            try {
                return work.get();
            } finally {
                commit();
            }
        }

        @Override
        public Document handleCommand(Channel channel, String db, String command, Document query) {
            return members.answer(channel, db, command, query,
                () -> carryOut(() -> super.handleCommand(channel, db, command, query)));
        }
    }

    /** The failures that a test asked for, as with MongoDB's fail point "failCommand". */
    static class Faults {
        private Document data = new Document();
        private double skip = 0;
        private double left = 0;

        synchronized Document set(Document query) {
            Object mode = query.get("mode");
            Document counts = mode instanceof Document ? (Document) mode : new Document();
            data = (Document) query.getOrDefault("data", new Document());
            skip = ((Number) counts.getOrDefault("skip", 0)).doubleValue();
            left = mode.equals("off") ? 0
                : ((Number) counts.getOrDefault("times", Double.POSITIVE_INFINITY)).doubleValue();
            return new Document("ok", 1.0);
        }

        synchronized Document next(String db, String command) {
            Collection<?> commands = (Collection<?>) data.get("failCommands");
            if (left < 1 || commands != null && !commands.contains(command)
                    || !db.equals(data.getOrDefault("database", db))) {
                return new Document();
            }
            if (skip >= 1) {
                skip--;
                return new Document();
            }
            left--;
            return data;
        }
    }

    /** The commands that came for a database, from when a test asked for them first. */
    static class Log {
        private final Map<String, List<Document>> wanted = new ConcurrentHashMap<>();

        synchronized Document take(String db) {
            List<Document> commands = wanted.put(db, new ArrayList<>());
            return new Document("commands", commands == null ? new ArrayList<>() : commands).append("ok", 1.0);
        }

        void add(String db, Document query) {
            if (wanted.containsKey(db)) {
                synchronized (this) {
                    wanted.get(db).add(query.cloneDeeply());
                }
            }
        }
    }

    /** The servers, one for each port, and what stands between a client and the database. */
    static class Members {
        private final List<de.bwaldvogel.mongo.MongoServer> servers = new ArrayList<>();
        private final List<Integer> ports = new ArrayList<>();
        private final Map<Channel, Integer> clients = new ConcurrentHashMap<>();
        private final Faults faults = new Faults();
        private final Log log = new Log();
        private volatile int primary;

        void listen(AbstractMongoBackend backend, int port, String pem) throws Exception {
            de.bwaldvogel.mongo.MongoServer server = new de.bwaldvogel.mongo.MongoServer(backend);
            if (pem != null) {
                String key = pem.replaceAll("(?s).*-BEGIN PRIVATE KEY-----|-----END PRIVATE KEY-.*|\\s", "");
                String certificate = pem.substring(pem.indexOf("-----BEGIN CERTIFICATE-----"));
                server.enableSsl(
                    KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(key))), null,
                    (X509Certificate) CertificateFactory.getInstance("X.509")
                        .generateCertificate(new ByteArrayInputStream(certificate.getBytes())));
            }
            server.bind(new InetSocketAddress("127.0.0.1", port), 1, 16);
            servers.add(server);
            ports.add(server.getLocalAddress().getPort());
        }

        Document answer(Channel channel, String db, String command, Document query, Supplier<Document> work) {
            int port = ((InetSocketAddress) channel.localAddress()).getPort();
            if (clients.putIfAbsent(channel, port) == null) {
                channel.closeFuture().addListener(closed -> clients.remove(channel));
            }
            boolean isPrimary = primary == port;
            switch (command.toLowerCase(Locale.ROOT)) {
                case "hello":
                case "ismaster":
                    return hello(port, isPrimary);
                case "configurefailpoint":
                    return faults.set(query);
                case "replsetstepdown":
                    return stepDown();
                case "shutdown":
                    return shutdown(port);
                case "commandlog":
                    return log.take((String) query.get(command));
                default:
                    log.add(db, query);
                    return isPrimary ? fail(channel, faults.next(db, command), work) : error(10107);
            }
        }

        private Document hello(int port, boolean isPrimary) {
            Document reply = new Document("ismaster", isPrimary).append("isWritablePrimary", isPrimary).append("helloOk", true)
                .append("maxBsonObjectSize", 16777216).append("maxMessageSizeBytes", 48000000).append("maxWriteBatchSize", 100000)
                .append("minWireVersion", 0).append("maxWireVersion", 13).append("readOnly", false);
            if (ports.size() > 1) {
                List<String> hosts = new ArrayList<>();
                ports.forEach(p -> hosts.add("127.0.0.1:" + p));
                reply.append("setName", "rs").append("setVersion", 1).append("secondary", !isPrimary).append("hosts", hosts)
                    .append("me", "127.0.0.1:" + port).append("primary", "127.0.0.1:" + primary);
            }
            return reply.append("ok", 1.0);
        }

        private Document fail(Channel channel, Document fault, Supplier<Document> work) {
            if (Boolean.TRUE.equals(fault.get("blockConnection"))) {
                sleep(((Number) fault.get("blockTimeMS")).longValue());
            }
            if (Boolean.TRUE.equals(fault.get("closeConnection"))) {
                channel.close();
                return error(6);
            }
            if (fault.containsKey("errorCode")) {
                return error(((Number) fault.get("errorCode")).intValue());
            }
            Document reply = work.get();
            if (Boolean.TRUE.equals(fault.get("closeAfter"))) {
                channel.close();
            }
            reply.putIfNotNull("writeConcernError", fault.get("writeConcernError"));
            return reply;
        }

        private static Document error(int code) {
            return new Document("ok", 0.0).append("code", code).append("errmsg",
                code == 10107 ? "not primary" : "failing command as the test asked");
        }

        private Document stepDown() {
            primary = ports.get((ports.indexOf(primary) + 1) % ports.size());
            return new Document("ok", 1.0);
        }

        private Document shutdown(int port) {
            new Thread(() -> {
                servers.get(ports.indexOf(port)).stopListening();
                clients.forEach((client, on) -> { if (on == port) client.close().awaitUninterruptibly(); });
                if (port == primary) stepDown();
            }).start();
            return new Document("ok", 1.0);
        }
    }

    static final Members members = new Members();

    static void sleep(long milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    public static void main(String[] args) throws Exception {
        String file = null;
        String pem = null;
        boolean untilEof = false;
        List<Integer> wanted = new ArrayList<>();
        for (int i = 0; i < args.length; i++) {
            switch (args[i]) {
                case "--file": file = args[++i]; break;
                case "--tls": pem = Files.readString(Path.of(args[++i])); break;
                case "--until-eof": untilEof = true; break;
                default: wanted.add(Integer.parseInt(args[i]));
            }
        }
        AbstractMongoBackend backend = file == null ? new Memory() : new InFile(file);
        backend.version(new Five());
        for (int port : wanted) {
            members.listen(backend, port, pem);
        }
        members.primary = members.ports.get(0);
        Runtime.getRuntime().addShutdownHook(new Thread(backend::close));
        members.ports.forEach(port -> System.out.println("listening on 127.0.0.1:" + port));
        while (untilEof && System.in.read() >= 0) {
        }
        if (untilEof) {
            System.exit(0);
        }
    }
}
