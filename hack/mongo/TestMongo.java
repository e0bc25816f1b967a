import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;

/**
 * A MongoDB wire server in memory, for tests and for recording golden files.
 *
 * <p>Usage: {@code TestMongo [PORT] [until-eof]}; port 0 or none means any free one. Prints {@code LISTENING port}
 * once it accepts connections, and ends on SIGTERM; with {@code until-eof} also when its standard input
 * ends, which it does with the process that started it.
 */
public final class TestMongo {
    private TestMongo() {}

    /** What the server says it is. The library's own newest version is older than current drivers accept. */
    private static final class Version implements MongoVersion {
        @Override
        public List<Integer> getVersionArray() {
            return List.of(5, 0, 0);
        }

        @Override
        public int getWireVersion() {
            return 13;
        }
    }

    public static void main(String[] args) {
        int port = args.length > 0 ? Integer.parseInt(args[0]) : 0;
        if (args.length > 1 && args[1].equals("until-eof")) {
            Thread watcher = new Thread(TestMongo::endWithInput);
            watcher.setDaemon(true);
            watcher.start();
        }
        MongoServer server = new MongoServer(new MemoryBackend().version(new Version()));
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
        server.bind(new InetSocketAddress("127.0.0.1", port));
        System.out.println("LISTENING " + server.getLocalAddress().getPort());
        System.out.flush();
    }

    /** Ends the process at the end of standard input. Nothing is kept, so nothing needs an orderly stop. */
    private static void endWithInput() {
        try {
            while (System.in.read() >= 0) {
                // What comes means nothing.
            }
        } catch (IOException e) {
            // As good as its end.
        }
        Runtime.getRuntime().halt(0);
    }
}
