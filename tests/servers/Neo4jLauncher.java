import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.neo4j.configuration.GraphDatabaseSettings;
import org.neo4j.configuration.connectors.BoltConnector;
import org.neo4j.configuration.helpers.SocketAddress;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;
import org.neo4j.io.ByteUnit;

/** Neo4j Community for the tests: FOLDER PORT, the password in NEO4J_TEST_PASSWORD; ends with its standard input. */
class Neo4jLauncher {
    private static final String QUIET = "dbms.usage_report.enabled=false";

    public static void main(String[] arguments) {
        try {
            serve(Path.of(arguments[0]), Integer.parseInt(arguments[1]));
            System.exit(0);
        } catch (Throwable error) { // other threads would keep the process alive
            error.printStackTrace();
            System.exit(1);
        }
    }

    static void serve(Path folder, int port) throws Exception {
        var isNew = !Files.exists(folder.resolve("data"));
        var address = new SocketAddress("127.0.0.1", port);
        var server = new DatabaseManagementServiceBuilder(folder)
                .loadPropertiesFromFile(Files.writeString(folder.resolve("quiet.conf"), QUIET))
                .setConfig(BoltConnector.enabled, true)
                .setConfig(BoltConnector.listen_address, address)
                .setConfig(BoltConnector.advertised_address, address)
                .setConfig(GraphDatabaseSettings.auth_enabled, true)
                .setConfig(GraphDatabaseSettings.pagecache_memory, ByteUnit.mebiBytes(64))
                .build();
        if (isNew) { // a password is not replaced by itself
            server.database("system").executeTransactionally(
                    "ALTER USER neo4j SET PASSWORD $password CHANGE NOT REQUIRED",
                    Map.of("password", System.getenv("NEO4J_TEST_PASSWORD")));
        }
        System.out.println("ready");
        while (System.in.read() >= 0) {}
        server.shutdown();
    }
}
