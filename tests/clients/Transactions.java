import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TransactionDescription;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Transactions of Apache's producer, each with an epoch of its own: commits, aborts, offsets, a fenced producer, and one that
 * takes too long. Argument: host:port. Prints what comes of each, and at the end what readers of committed records find.
 */
public final class Transactions {
    private static final String TOPIC = "sales";
    private static final String GROUP = "readers";
    private static final TopicPartition READ = new TopicPartition("orders", 0);

    private static String broker;
    private static Admin admin;

    private Transactions() { }

    public static void main(String[] args) throws Exception {
        broker = args[0];
        admin = Admin.create(Map.of("bootstrap.servers", broker));
        NewTopic sales = new NewTopic(TOPIC, 3, (short) 1);
        admin.createTopics(List.of(sales, new NewTopic(READ.topic(), 1, (short) 1))).all().get();
        KafkaProducer<String, String> first = producer("shop", 60_000);
        commitAndAbort(first);
        sendOffsets(first);
        fence(first);
        takeTooLong();
        say("committed", read());
        admin.close();
    }

    private static void commitAndAbort(KafkaProducer<String, String> producer) throws Exception {
        for (int n = 0; n < 5; n++) {
            send(producer, "committed", 10);
            producer.commitTransaction();
        }
        say("5 commits", state("shop"));
        send(producer, "aborted", 10);
        producer.flush();
        producer.abortTransaction();
        say("an abort", state("shop"));
        producer.beginTransaction();
        producer.abortTransaction();
        say("an abort of nothing", state("shop"));
    }

    private static void sendOffsets(KafkaProducer<String, String> producer) throws Exception {
        for (long offset : new long[] {7, 9}) {
            send(producer, "with offsets", 1);
            Map<TopicPartition, OffsetAndMetadata> offsets = Map.of(READ, new OffsetAndMetadata(offset));
            try (KafkaConsumer<String, String> consumer = consumer()) {
                producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
            }
            if (offset == 7) {
                producer.commitTransaction();
            } else {
                producer.abortTransaction();
            }
        }
        say("offsets", admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata().get().get(READ).offset());
    }

    private static void fence(KafkaProducer<String, String> first) throws Exception {
        send(first, "of a zombie", 1);
        first.flush();
        KafkaProducer<String, String> second = producer("shop", 60_000);
        say("another producer", state("shop"));
        try {
            first.commitTransaction();
            say("zombie", "commits");
        } catch (KafkaException e) {
            say("zombie", e.getClass().getSimpleName());
        }
        first.close();
        send(second, "of the second", 1);
        second.commitTransaction();
        say("its commit", state("shop"));
        second.close();
    }

    private static void takeTooLong() throws Exception {
        KafkaProducer<String, String> producer = producer("slow", 500);
        send(producer, "too late", 1);
        producer.flush();
        while (describe("slow").state() != TransactionState.COMPLETE_ABORT) {
            Thread.sleep(20);
        }
        try {
            producer.send(new ProducerRecord<>(TOPIC, 0, null, "too late")).get();
            say("too late", "sent");
        } catch (ExecutionException e) {
            say("too late", e.getCause().getClass().getSimpleName());
        }
        producer.abortTransaction();
        send(producer, "in time", 1);
        producer.commitTransaction();
        say("the next", state("slow"));
        producer.close();
    }

    private static KafkaProducer<String, String> producer(String id, int timeoutMs) {
        Map<String, Object> settings =
            Map.of("bootstrap.servers", broker, "transactional.id", id, "transaction.timeout.ms", timeoutMs);
        KafkaProducer<String, String> producer =
            new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
        producer.initTransactions();
        return producer;
    }

    /** Begins a transaction, and sends to all partitions. */
    private static void send(KafkaProducer<String, String> producer, String value, int records) {
        producer.beginTransaction();
        for (int n = 0; n < records; n++) {
            producer.send(new ProducerRecord<>(TOPIC, n % 3, null, value));
        }
    }

    private static KafkaConsumer<String, String> consumer() {
        Map<String, Object> settings = Map.of("bootstrap.servers", broker, "group.id", GROUP,
            "isolation.level", "read_committed", "auto.offset.reset", "earliest", "enable.auto.commit", false);
        return new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    }

    /** How often each value is found, up to the end. */
    private static Map<String, Integer> read() {
        Map<String, Integer> found = new TreeMap<>();
        try (KafkaConsumer<String, String> consumer = consumer()) {
            List<TopicPartition> partitions = new ArrayList<>();
            consumer.partitionsFor(TOPIC).forEach(info -> partitions.add(new TopicPartition(TOPIC, info.partition())));
            consumer.assign(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (partitions.stream().anyMatch(partition -> consumer.position(partition) < ends.get(partition))) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                    found.merge(record.value(), 1, Integer::sum);
                }
            }
        }
        return found;
    }

    private static TransactionDescription describe(String id) throws Exception {
        return admin.describeTransactions(List.of(id)).description(id).get();
    }

    private static String state(String id) throws Exception {
        TransactionDescription found = describe(id);
        // A broker may answer before everything that it has decided is done.
        while (List.of(TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT).contains(found.state())) {
            Thread.sleep(20);
            found = describe(id);
        }
        return found.state() + " in epoch " + found.producerEpoch();
    }

    private static void say(String what, Object value) {
        System.out.println(what + ": " + value);
    }
}
