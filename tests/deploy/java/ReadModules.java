import java.lang.reflect.Constructor;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.statefun.flink.core.StatefulFunctionsConfig;
import org.apache.flink.statefun.flink.core.StatefulFunctionsUniverseProvider;

/**
 * Has StateFun read the module.yaml in each folder that is an argument, as it does before a job begins: a line for each,
 * "ok" or why it can't. The same for StateFun 2.2 and 3.3.
 */
public final class ReadModules {

  public static void main(String[] arguments) throws Exception {
    for (String folder : arguments) {
      System.out.println(verdict(Path.of(folder)));
    }
  }

  private static String verdict(Path folder) throws Exception {
    ClassLoader ours = ReadModules.class.getClassLoader();
    URL[] urls = {folder.toUri().toURL()};
    try (URLClassLoader loader = new URLClassLoader(urls, ours)) {
      Thread.currentThread().setContextClassLoader(loader);
      provider().get(loader, StatefulFunctionsConfig.fromFlinkConfiguration(new Configuration()));
      return "ok";
    } catch (Throwable error) {
      Throwable root = error;
      while (root.getCause() != null) {
        root = root.getCause();
      }
      return root.toString().replace('\n', ' ');
    }
  }

  /** What a job reads its modules by; its class is not public. */
  private static StatefulFunctionsUniverseProvider provider() throws Exception {
    String name = "org.apache.flink.statefun.flink.core.StatefulFunctionsUniverses$ClassPathUniverseProvider";
    Constructor<?> made = Class.forName(name).getDeclaredConstructor();
    made.setAccessible(true);
    return (StatefulFunctionsUniverseProvider) made.newInstance();
  }
}
