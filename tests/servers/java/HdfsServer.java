import java.io.File;
import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.server.datanode.DataNode;
import org.apache.hadoop.hdfs.server.namenode.NameNode;
import org.apache.hadoop.metrics2.lib.DefaultMetricsSystem;

/** A NameNode, formatted on first use, and one DataNode in one process. Its configuration stands first on the class path. */
public final class HdfsServer {
    private HdfsServer() {}

    public static void main(String[] arguments) throws Exception {
        Configuration configuration = new HdfsConfiguration();
        File names = new File(URI.create(configuration.get("dfs.namenode.name.dir")).getPath());
        if (!new File(names, "current/VERSION").exists()) {
            NameNode.format(configuration);
        }
        DefaultMetricsSystem.setMiniClusterMode(true); // both register metrics of the same names
        NameNode nameNode = NameNode.createNameNode(new String[0], configuration);
        DataNode.createDataNode(new String[0], configuration);
        nameNode.join();
    }
}
