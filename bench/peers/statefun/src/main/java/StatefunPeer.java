import org.apache.flink.statefun.flink.harness.Harness;

/**
 * Flink StateFun with JobManager and TaskManager in this one JVM, which spares it what a cluster of two would cost.
 *
 * <p>Arguments: parallelism, then Flink's settings as key=value.
 */
public final class StatefunPeer {
  public static void main(String[] arguments) throws Exception {
    Harness harness = new Harness().withParallelism(Integer.parseInt(arguments[0]));
    for (int i = 1; i < arguments.length; i++) {
      String[] setting = arguments[i].split("=", 2);
      harness.withConfiguration(setting[0], setting[1]);
    }
    harness.start();
  }
}
