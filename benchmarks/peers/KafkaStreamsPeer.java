import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The eight metrics as a Kafka Streams job: Jackson's streaming parser, state in persistent stores with changelogs and caches.
 *
 * <p>Arguments: bootstrap servers, raw topic, metrics topic, application id, state folder, processing guarantee, commit
 * interval in ms ("default": Kafka Streams' own). The definitions are those of docs/metrics.md; as in the other peers, books
 * that are crossed or have an empty side are not provided for. It runs until it is told to stop.
 */
public final class KafkaStreamsPeer {
  private static final int WINDOW = 100;
  private static final double LARGE = 0.01;
  private static final JsonFactory JSON = new JsonFactory();

  /** One side of a book, best level first. */
  private static final class Side {
    double[] prices = new double[20];
    double[] quantities = new double[20];
    int levels;

    void add(double price, double quantity) {
      if (levels == prices.length) {
        prices = Arrays.copyOf(prices, 2 * levels);
        quantities = Arrays.copyOf(quantities, 2 * levels);
      }
      prices[levels] = price;
      quantities[levels++] = quantity;
    }

    double volume() {
      double sum = 0;
      for (int level = 0; level < levels; level++) sum += quantities[level];
      return sum;
    }

    double notional() {
      double sum = 0;
      for (int level = 0; level < levels; level++) sum += prices[level] * quantities[level];
      return sum;
    }

    int above(double threshold) {
      int count = 0;
      for (int level = 0; level < levels; level++) if (quantities[level] > threshold) count++;
      return count;
    }

    void write(ByteBuffer to) {
      to.putInt(levels);
      for (int level = 0; level < levels; level++) to.putDouble(prices[level]).putDouble(quantities[level]);
    }

    static Side read(ByteBuffer from) {
      Side side = new Side();
      for (int left = from.getInt(); left > 0; left--) side.add(from.getDouble(), from.getDouble());
      return side;
    }
  }

  /** One message: the fields that are needed of it. */
  private static final class Depth {
    String symbol;
    long eventTimeMs;
    long updateId;
    final Side bids = new Side();
    final Side asks = new Side();

    static Depth parse(byte[] json) throws IOException {
      Depth depth = new Depth();
      try (JsonParser parser = JSON.createParser(json)) {
        while (parser.nextToken() != null) {
          if (parser.currentToken() != JsonToken.FIELD_NAME) continue;
          String field = parser.currentName();
          parser.nextToken();
          switch (field) {
            case "s" -> depth.symbol = parser.getText();
            case "E" -> depth.eventTimeMs = parser.getLongValue();
            case "u" -> depth.updateId = parser.getLongValue();
            case "b" -> levels(parser, depth.bids);
            case "a" -> levels(parser, depth.asks);
            default -> { }
          }
        }
      }
      return depth;
    }

    private static void levels(JsonParser parser, Side side) throws IOException {
      while (parser.nextToken() == JsonToken.START_ARRAY) {
        parser.nextToken();
        double price = Double.parseDouble(parser.getText());
        parser.nextToken();
        side.add(price, Double.parseDouble(parser.getText()));
        parser.nextToken();
      }
    }
  }

  /** Stateful per instrument: the last book with the sum of the window, and the window, written only when it changes. */
  private static final class Measure implements Processor<byte[], byte[], byte[], byte[]> {
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<byte[], byte[]> books;
    private KeyValueStore<byte[], byte[]> windows;

    @Override
    public void init(ProcessorContext<byte[], byte[]> given) {
      context = given;
      books = given.getStateStore("books");
      windows = given.getStateStore("windows");
    }

    @Override
    public void process(Record<byte[], byte[]> message) {
      try {
        Depth depth = Depth.parse(message.value());
        double delta = remember(message.key(), depth);
        context.forward(message.withValue(encode(depth, delta, message.headers().lastHeader("recv_ns"))));
      } catch (IOException error) {
        throw new UncheckedIOException(error);
      }
    }

    /** Put the book in the place of the previous one; the sum of the window behind it. */
    private double remember(byte[] key, Depth depth) {
      byte[] known = books.get(key);
      double delta = 0;
      if (known != null) {
        ByteBuffer from = ByteBuffer.wrap(known);
        delta = from.getDouble();
        double event = event(Side.read(from), Side.read(from), depth);
        if (event != 0) delta = append(key, event);
      }
      ByteBuffer to = ByteBuffer.allocate(16 + 16 * (depth.bids.levels + depth.asks.levels)).putDouble(delta);
      depth.bids.write(to);
      depth.asks.write(to);
      books.put(key, to.array());
      return delta;
    }

    private static double event(Side bids, Side asks, Depth now) {
      double bestBid = now.bids.prices[0];
      double bestAsk = now.asks.prices[0];
      double swept = 0;
      if (bestBid >= asks.prices[0]) {
        for (int level = 0; level < asks.levels; level++) if (asks.prices[level] <= bestBid) swept += asks.quantities[level];
      } else if (bestAsk <= bids.prices[0]) {
        for (int level = 0; level < bids.levels; level++) if (bids.prices[level] >= bestAsk) swept -= bids.quantities[level];
      }
      return swept;
    }

    private double append(byte[] key, double event) {
      byte[] known = windows.get(key);
      int length = known == null ? 0 : known.length;
      int from = length == 8 * WINDOW ? 8 : 0;
      ByteBuffer window = ByteBuffer.allocate(length - from + 8);
      if (known != null) window.put(known, from, length - from);
      window.putDouble(event);
      windows.put(key, window.array());
      window.rewind();
      double sum = 0;
      while (window.hasRemaining()) sum += window.getDouble();
      return sum;
    }

    private static byte[] encode(Depth depth, double delta, Header received) throws IOException {
      double bidVolume = depth.bids.volume();
      double askVolume = depth.asks.volume();
      double volume = bidVolume + askVolume;
      double bidNotional = depth.bids.notional();
      double askNotional = depth.asks.notional();
      double bestBid = depth.bids.prices[0];
      double bestAsk = depth.asks.prices[0];
      int large = depth.bids.above(LARGE * volume) + depth.asks.above(LARGE * volume);
      ByteArrayOutputStream out = new ByteArrayOutputStream(512);
      try (JsonGenerator json = JSON.createGenerator(out)) {
        json.writeStartObject();
        json.writeStringField("symbol", depth.symbol);
        json.writeNumberField("event_time_ms", depth.eventTimeMs);
        if (received != null) {
          json.writeNumberField("receive_time_ns", Long.parseLong(new String(received.value(), StandardCharsets.US_ASCII)));
        }
        json.writeNumberField("update_id", depth.updateId);
        json.writeNumberField("orderflow_imbalance", (bidVolume - askVolume) / volume);
        json.writeNumberField("delta_volume", delta);
        json.writeNumberField("bid_ask_spread_pct", (bestAsk - bestBid) / ((bestBid + bestAsk) / 2) * 100);
        json.writeNumberField("order_book_depth_ratio", Math.min(bidNotional / askNotional, 2));
        json.writeNumberField("large_order_presence", Math.min(large / 5.0, 1));
        json.writeNumberField("bid_notional", bidNotional);
        json.writeNumberField("ask_notional", askNotional);
        json.writeNumberField("total_depth", bidNotional + askNotional);
        json.writeEndObject();
      }
      return out.toByteArray();
    }
  }

  private static StoreBuilder<KeyValueStore<byte[], byte[]>> store(String name) {
    return Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(name), Serdes.ByteArray(), Serdes.ByteArray())
        .withCachingEnabled();
  }

  private static Topology topology(String raw, String metrics) {
    return new Topology()
        .addSource("raw", raw)
        .addProcessor("measure", Measure::new, "raw")
        .addStateStore(store("books"), "measure")
        .addStateStore(store("windows"), "measure")
        .addSink("metrics", metrics, "measure");
  }

  public static void main(String[] arguments) {
    Properties settings = new Properties();
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[3]);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, arguments[4]);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, arguments[5]);
    if (!arguments[6].equals("default")) settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, arguments[6]);
    settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    KafkaStreams streams = new KafkaStreams(topology(arguments[1], arguments[2]), settings);
    streams.setUncaughtExceptionHandler(error -> {
      error.printStackTrace();
      Runtime.getRuntime().halt(1);
      return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    });
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }
}
