import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.Admin;
import org.apache.hadoop.hbase.client.ColumnFamilyDescriptorBuilder;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.RegionInfo;
import org.apache.hadoop.hbase.client.TableDescriptorBuilder;
import org.apache.hadoop.hbase.master.HMaster;
import org.apache.hadoop.hbase.security.access.AccessControlClient;
import org.apache.hadoop.hbase.security.access.Permission;
import org.apache.hadoop.hbase.thrift.ThriftServer;
import org.apache.hadoop.hbase.util.Bytes;

/**
 * Standalone HBase and its Thrift server in one JVM, and what tests need that Thrift 1 cannot do: one command a line, on a
 * port of loopback. HBaseServer ADMIN_PORT UNFRAMED_PORT|- THRIFT_ARGUMENTS...; on UNFRAMED_PORT a second Thrift server
 * speaks without frames.
 *
 *   create TABLE FAMILY=VERSIONS,... [SPLIT,...]   splits in hexadecimal
 *   drop TABLE | flush TABLE | reopen TABLE        reopen: each region is closed and opened again
 *   grant USER TABLE FAMILY|- ACTIONS              ACTIONS as in RWXCA
 */
public class HBaseServer {
  private static Connection connection;

  public static void main(String[] arguments) throws Exception {
    int adminPort = Integer.parseInt(arguments[0]);
    String unframed = arguments[1];
    String[] thrift = java.util.Arrays.copyOfRange(arguments, 2, arguments.length);
    daemon("thrift", () -> ThriftServer.main(thrift));
    if (!unframed.equals("-")) {
      daemon("unframed thrift", () -> ThriftServer.main(new String[] {"start", "-p", unframed, "--bind", "127.0.0.1"}));
    }
    daemon("commands", () -> listen(adminPort));
    HMaster.main(new String[] {"start"});
  }

  private interface Work {
    void run() throws Exception;
  }

  private static void daemon(String name, Work work) {
    Thread thread = new Thread(() -> {
      try {
        work.run();
      } catch (Throwable failure) {
        failure.printStackTrace();
        System.exit(3);
      }
    }, name);
    thread.setDaemon(true);
    thread.start();
  }

  private static void listen(int port) throws Exception {
    try (ServerSocket server = new ServerSocket(port, 50, InetAddress.getByName("127.0.0.1"))) {
      while (true) {
        try (Socket socket = server.accept();
            BufferedReader lines = new BufferedReader(new InputStreamReader(socket.getInputStream(), "UTF-8"));
            PrintWriter answers = new PrintWriter(socket.getOutputStream(), true)) {
          for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            answers.println(answer(line.trim().split(" ")));
          }
        } catch (java.io.IOException gone) {
          // the test went away in the middle of a command
        }
      }
    }
  }

  private static String answer(String[] words) {
    try {
      if (connection == null) {
        connection = ConnectionFactory.createConnection(HBaseConfiguration.create());
      }
      try (Admin admin = connection.getAdmin()) {
        perform(admin, words);
      }
      return "ok";
    } catch (Throwable failure) {
      return "failed: " + failure.toString().replace('\n', ' ');
    }
  }

  private static void perform(Admin admin, String[] words) throws Throwable {
    TableName table = TableName.valueOf(words[words[0].equals("grant") ? 2 : 1]);
    switch (words[0]) {
      case "create":
        create(admin, table, words);
        break;
      case "drop":
        if (admin.tableExists(table)) {
          if (admin.isTableEnabled(table)) {
            admin.disableTable(table);
          }
          admin.deleteTable(table);
        }
        break;
      case "flush":
        admin.flush(table);
        break;
      case "reopen":
        for (RegionInfo region : admin.getRegions(table)) {
          admin.unassign(region.getRegionName(), true);
          admin.assign(region.getRegionName());
        }
        break;
      case "grant":
        List<Permission.Action> actions = new ArrayList<>();
        for (byte code : Bytes.toBytes(words[4])) {
          for (Permission.Action action : Permission.Action.values()) {
            if (action.code() == code) {
              actions.add(action);
            }
          }
        }
        byte[] family = words[3].equals("-") ? null : Bytes.toBytes(words[3]);
        AccessControlClient.grant(connection, table, words[1], family, null, actions.toArray(new Permission.Action[0]));
        break;
      default:
        throw new IllegalArgumentException("no such command: " + words[0]);
    }
  }

  private static void create(Admin admin, TableName table, String[] words) throws Exception {
    TableDescriptorBuilder described = TableDescriptorBuilder.newBuilder(table);
    for (String family : words[2].split(",")) {
      String[] parts = family.split("=");
      described.setColumnFamily(
          ColumnFamilyDescriptorBuilder.newBuilder(Bytes.toBytes(parts[0])).setMaxVersions(Integer.parseInt(parts[1])).build());
    }
    if (words.length < 4) {
      admin.createTable(described.build());
      return;
    }
    String[] hexadecimal = words[3].split(",");
    byte[][] splits = new byte[hexadecimal.length][];
    for (int index = 0; index < splits.length; index++) {
      splits[index] = Bytes.fromHex(hexadecimal[index]);
    }
    admin.createTable(described.build(), splits);
  }
}
