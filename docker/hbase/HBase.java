import org.apache.hadoop.hbase.master.HMaster;
import org.apache.hadoop.hbase.thrift.ThriftServer;

/** Standalone HBase (ZooKeeper, master, region server) and its Thrift server in one process. The arguments are the Thrift server's. */
public final class HBase {
    private HBase() {}

    public static void main(String[] arguments) throws Exception {
        Thread thrift = new Thread(() -> serve(arguments), "thrift");
        thrift.setDaemon(true);
        thrift.start();
        HMaster.main(new String[] {"start"});
    }

    private static void serve(String[] arguments) {
        try {
            ThriftServer.main(arguments);
        } catch (Exception failure) {
            failure.printStackTrace();
            System.exit(3);
        }
    }
}
