import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.statefun.sdk.java.Context;
import org.apache.flink.statefun.sdk.java.StatefulFunction;
import org.apache.flink.statefun.sdk.java.StatefulFunctionSpec;
import org.apache.flink.statefun.sdk.java.StatefulFunctions;
import org.apache.flink.statefun.sdk.java.TypeName;
import org.apache.flink.statefun.sdk.java.ValueSpec;
import org.apache.flink.statefun.sdk.java.io.KafkaEgressMessage;
import org.apache.flink.statefun.sdk.java.message.Message;
import org.apache.flink.statefun.sdk.java.message.MessageBuilder;
import org.apache.flink.statefun.sdk.java.types.SimpleType;
import org.apache.flink.statefun.sdk.java.types.Type;
import polyglot.Serve;

/**
 * A greeter as Apache's examples for Java have it, which knows nothing of other languages: one function counts the logins of a
 * user, another one greets. A third one answers at the address that a message holds.
 */
public final class Greeter {
  private static final ObjectMapper JSON = new ObjectMapper();

  static final Type<Login> LOGIN = json("login", Login.class);
  static final Type<Profile> PROFILE = json("profile", Profile.class);

  static final Type<Call> CALL = json("call", Call.class);

  static final TypeName USER = TypeName.typeNameOf("greeter.fns", "user");
  static final TypeName GREETINGS = TypeName.typeNameOf("greeter.fns", "greetings");
  static final TypeName EGRESS = TypeName.typeNameOf("greeter.io", "greetings");

  public static final class Login {
    @JsonProperty("user_name")
    public String userName;
  }

  public static final class Profile {
    public String name;
    public int seen;
  }

  public static final class Call {
    public String[] to;
    public String text;
  }

  static final class User implements StatefulFunction {
    private static final ValueSpec<Integer> SEEN = ValueSpec.named("seen_count").withIntType();

    static final StatefulFunctionSpec SPEC =
        StatefulFunctionSpec.builder(USER).withValueSpecs(SEEN).withSupplier(User::new).build();

    @Override
    public CompletableFuture<Void> apply(Context context, Message message) {
      Profile profile = new Profile();
      profile.name = message.as(LOGIN).userName;
      profile.seen = context.storage().get(SEEN).orElse(0) + 1;
      context.storage().set(SEEN, profile.seen);
      context.send(
          MessageBuilder.forAddress(GREETINGS, context.self().id()).withCustomType(PROFILE, profile).build());
      return context.done();
    }
  }

  static final class Greetings implements StatefulFunction {
    static final StatefulFunctionSpec SPEC =
        StatefulFunctionSpec.builder(GREETINGS).withSupplier(Greetings::new).build();

    @Override
    public CompletableFuture<Void> apply(Context context, Message message) {
      Profile profile = message.as(PROFILE);
      String greeting = profile.seen == 1 ? "Welcome " + profile.name : "Welcome back, " + profile.name;
      context.send(
          KafkaEgressMessage.forEgress(EGRESS)
              .withTopic("greetings")
              .withUtf8Key(context.self().id())
              .withUtf8Value(greeting + ": " + profile.seen)
              .build());
      return context.done();
    }
  }

  static final class Caller implements StatefulFunction {
    static final StatefulFunctionSpec SPEC =
        StatefulFunctionSpec.builder(TypeName.typeNameOf("greeter.fns", "caller")).withSupplier(Caller::new).build();

    @Override
    public CompletableFuture<Void> apply(Context context, Message message) {
      Call call = message.as(CALL);
      TypeName function = TypeName.typeNameFromString(call.to[0]);
      context.send(MessageBuilder.forAddress(function, call.to[1]).withValue(call.text).build());
      return context.done();
    }
  }

  private static <T> Type<T> json(String name, Class<T> type) {
    return SimpleType.simpleImmutableTypeFrom(
        TypeName.typeNameOf("greeter.types", name), JSON::writeValueAsBytes, bytes -> JSON.readValue(bytes, type));
  }

  public static void main(String[] arguments) throws IOException {
    StatefulFunctions functions =
        new StatefulFunctions()
            .withStatefulFunction(User.SPEC)
            .withStatefulFunction(Greetings.SPEC)
            .withStatefulFunction(Caller.SPEC);
    Serve.at(Integer.parseInt(arguments[0]), functions);
    System.out.println("Serving greeter.fns/*");
  }
}
