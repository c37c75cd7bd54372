import org.apache.flink.client.deployment.application.ApplicationClusterEntryPoint;
import org.apache.flink.client.program.DefaultPackagedProgramRetriever;
import org.apache.flink.client.program.PackagedProgram;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.runtime.entrypoint.ClusterEntrypoint;
import org.apache.flink.runtime.resourcemanager.StandaloneResourceManagerFactory;

/**
 * The JobManager of a cluster whose one job is StateFun's.
 *
 * <p>StateFun's own entry point runs in its Docker image only: it looks for jars in folders of that image. And Flink's
 * is in a jar that Maven's repository does not have. Both do what stands here.
 *
 * <p>Its argument is the folder with flink-conf.yaml, in which {@code statefun.remote.module-name} names the
 * module.yaml.
 */
public final class OneJobManager extends ApplicationClusterEntryPoint {

  private static final String JOB = "org.apache.flink.statefun.flink.core.StatefulFunctionsJob";

  private OneJobManager(Configuration settings, PackagedProgram job) {
    super(settings, job, StandaloneResourceManagerFactory.getInstance());
  }

  public static void main(String[] arguments) throws Exception {
    Configuration settings = GlobalConfiguration.loadConfiguration(arguments[0]);
    PackagedProgram job =
        DefaultPackagedProgramRetriever.create(null, JOB, new String[0], settings).getPackagedProgram();
    configureExecution(settings, job);
    ClusterEntrypoint.runClusterEntrypoint(new OneJobManager(settings, job));
  }
}
