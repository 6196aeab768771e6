import java.io.PrintStream;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.FetchResponseData;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.Readable;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Field;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.BaseRecords;
import org.apache.kafka.common.record.internal.MemoryRecords;

/**
 * Writes the messages that are served, in all their versions, with the classes of Kafka's own client.
 *
 * <p>Arguments: a file with lines of an API key and its lowest and highest version; the file to write; a file to write
 * a list of all fields to. A vector is a line of an API key, a kind, a version and bytes in hex. The kinds:
 * <ul>
 * <li>request, response: a message. Of each version there is one with every field set and two elements in every array;
 *     one with null wherever the version takes it and no tagged fields; one with nothing in texts, bytes and arrays but
 *     all tagged fields; and of the highest version one with texts and bytes whose length takes two bytes as a varint.
 * <li>request-header, response-header: what stands in front of them.
 * <li>request-default, response-default: a message that nobody has set a field of, with null for what can be null.
 * <li>request-upgrade, response-upgrade: the first message of the lowest version, read as such and written as this one,
 *     with null for what can be null and is new. It is - where Kafka would lose a value that this version lacks.
 * </ul>
 */
public final class Vectors {
    enum Fill { FULL, NULLS, EMPTY, LONG }

    private static int counter;

    private Vectors() { }

    public static void main(String[] args) throws Exception {
        try (PrintStream out = new PrintStream(args[1], StandardCharsets.UTF_8);
             PrintStream fields = new PrintStream(args[2], StandardCharsets.UTF_8)) {
            for (String row : Files.readAllLines(Path.of(args[0]))) {
                String[] columns = row.split(" ");
                ApiKeys api = ApiKeys.forId(Integer.parseInt(columns[0]));
                short lowest = Short.parseShort(columns[1]);
                short highest = Short.parseShort(columns[2]);
                for (short version = lowest; version <= highest; version++) {
                    printHeaders(out, api, version);
                }
                for (String direction : List.of("Request", "Response")) {
                    String name = api.messageType.name + direction;
                    Class<?> type = Class.forName("org.apache.kafka.common.message." + name + "Data");
                    printMessages(out, api.id + "\t" + direction.toLowerCase(), type, lowest, highest);
                    printFields(fields, name, type, lowest, highest);
                }
            }
        }
    }

    private static void printHeaders(PrintStream out, ApiKeys api, short version) {
        RequestHeaderData request = new RequestHeaderData();
        request.setRequestApiKey(api.id).setRequestApiVersion(version).setCorrelationId(0x01020304);
        for (String client : new String[] {"müller", null}) {
            String hex = hex(request.setClientId(client), api.requestHeaderVersion(version));
            out.print(api.id + "\trequest-header\t" + version + "\t" + hex + "\n");
        }
        ResponseHeaderData response = new ResponseHeaderData().setCorrelationId(0x01020304);
        String hex = hex(response, api.responseHeaderVersion(version));
        out.print(api.id + "\tresponse-header\t" + version + "\t" + hex + "\n");
    }

    private static void printMessages(
        PrintStream out, String front, Class<?> type, short lowest, short highest
    ) throws Exception {
        byte[] first = null;
        for (short version = lowest; version <= highest; version++) {
            for (Fill fill : Fill.values()) {
                if (fill == Fill.LONG && version < highest) {
                    continue;
                }
                counter = 0;
                byte[] bytes = bytes((Message) message(type, version, fill), version);
                if (first == null) {
                    first = bytes;
                }
                out.print(front + "\t" + version + "\t" + hex(bytes) + "\n");
            }
            String plain;
            try {
                Object message = type.getConstructor().newInstance();
                clear(message, version, (short) -1);
                plain = hex((Message) message, version);
            } catch (RuntimeException e) {
                plain = "-";
            }
            out.print(front + "-default\t" + version + "\t" + plain + "\n");
            Readable old = new ByteBufferAccessor(ByteBuffer.wrap(first));
            Message upgraded = (Message) type.getConstructor(Readable.class, short.class).newInstance(old, lowest);
            clear(upgraded, version, lowest);
            String upgrade;
            try {
                upgrade = hex(upgraded, version);
            } catch (RuntimeException e) {
                upgrade = "-";
            }
            out.print(front + "-upgrade\t" + version + "\t" + upgrade + "\n");
        }
    }

    /**
     * Sets to null what can be null in a version and was not there in another. The codec has null for all optional
     * fields by default, Kafka has a value that is empty for some of them.
     */
    private static void clear(Object message, short version, short before) throws Exception {
        Map<String, Type> types = untagged(message.getClass(), version);
        if (before >= 0) {
            types.keySet().removeAll(untagged(message.getClass(), before).keySet());
        }
        for (java.lang.reflect.Field field : message.getClass().getDeclaredFields()) {
            if (Modifier.isStatic(field.getModifiers())) {
                continue;
            }
            field.setAccessible(true);
            Object value = field.get(message);
            Type type = types.get(snake(field.getName()));
            if (type != null && type.isNullable()) {
                field.set(message, null);
            } else if (value instanceof Collection) {
                for (Object element : (Collection<?>) value) {
                    if (element instanceof Message) {
                        clear(element, version, before);
                    }
                }
            } else if (value instanceof Message) {
                clear(value, version, before);
            }
        }
    }

    private static byte[] bytes(Message message, short version) {
        ByteBuffer buffer = MessageUtil.toByteBufferAccessor(message, version).buffer();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    static String hex(Message message, short version) {
        return hex(bytes(message, version));
    }

    static String hex(byte[] bytes) {
        StringBuilder hex = new StringBuilder();
        for (byte b : bytes) {
            hex.append(String.format("%02x", b));
        }
        return hex.toString();
    }

    /** The fields that a version of a struct has, by name. */
    private static Map<String, Type> untagged(Class<?> struct, int version) throws Exception {
        Map<String, Type> types = new HashMap<>();
        Schema schema = schema(struct, version);
        if (schema != null) {
            for (BoundField field : schema.fields()) {
                if (!(field.def.type instanceof TaggedFields)) {
                    types.put(field.def.name, field.def.type);
                }
            }
        }
        return types;
    }

    private static Map<String, Type> tagged(Class<?> struct, int version) throws Exception {
        Map<String, Type> types = new HashMap<>();
        Schema schema = schema(struct, version);
        if (schema != null) {
            for (BoundField field : schema.fields()) {
                if (field.def.type instanceof TaggedFields) {
                    for (Field tag : ((TaggedFields) field.def.type).fields().values()) {
                        types.put(tag.name, tag.type);
                    }
                }
            }
        }
        return types;
    }

    private static Schema schema(Class<?> struct, int version) throws Exception {
        Schema[] schemas = (Schema[]) struct.getField("SCHEMAS").get(null);
        return version < schemas.length ? schemas[version] : null;
    }

    static Object message(Class<?> struct, short version, Fill fill) throws Exception {
        Map<String, Type> types = untagged(struct, version);
        if (fill != Fill.NULLS) {
            types.putAll(tagged(struct, version));
        }
        Object message = struct.getConstructor().newInstance();
        for (java.lang.reflect.Field field : struct.getDeclaredFields()) {
            Type type = Modifier.isStatic(field.getModifiers()) ? null : types.remove(snake(field.getName()));
            if (type == null) {
                continue;
            }
            field.setAccessible(true);
            boolean isRead = struct == FetchResponseData.PartitionData.class && field.getType() == BaseRecords.class;
            if (fill == Fill.NULLS && isRead) {
                // Null is never sent for records that were read: no records are no bytes.
                field.set(message, MemoryRecords.EMPTY);
            } else {
                Object plain = field.get(message);
                field.set(message, value(field.getType(), field.getGenericType(), plain, type, version, fill));
            }
        }
        if (!types.isEmpty()) {
            throw new IllegalStateException(struct + " version " + version + " has no member for " + types.keySet());
        }
        return message;
    }

    private static Object value(
        Class<?> type, java.lang.reflect.Type generic, Object plain, Type wire, short version, Fill fill
    ) throws Exception {
        boolean isRecords = type == BaseRecords.class;
        if (fill == Fill.NULLS && wire.isNullable()) {
            return null;
        }
        int n = ++counter;
        boolean isEmpty = fill == Fill.EMPTY;
        if (type == boolean.class) {
            return !((Boolean) plain);
        } else if (type == byte.class || type == Byte.class) {
            return (byte) (n % 2 == 0 ? n % 120 + 3 : -2 - n % 120);
        } else if (type == short.class || type == Short.class) {
            return (short) (n % 2 == 0 ? 0x0102 + n : -2 - n);
        } else if (type == int.class || type == Integer.class) {
            return n % 2 == 0 ? 0x01020304 + n : -3 - n;
        } else if (type == long.class || type == Long.class) {
            return n % 2 == 0 ? 0x0102030405060708L + n : -2L - n;
        } else if (type == double.class || type == Double.class) {
            return -0.75 * n;
        } else if (type == String.class) {
            return isEmpty ? "" : fill == Fill.LONG ? "lä".repeat(50) + n : "ü" + n;
        } else if (type == Uuid.class) {
            return new Uuid(0x1112131415161718L + n, ~(long) n);
        } else if (type == byte[].class) {
            return octets(n, fill);
        } else if (isRecords) {
            return isEmpty ? MemoryRecords.EMPTY : MemoryRecords.readableRecords(ByteBuffer.wrap(octets(n, fill)));
        } else if (Collection.class.isAssignableFrom(type)) {
            return collection(type, generic, wire, version, fill);
        } else if (Message.class.isAssignableFrom(type)) {
            return message(type, version, fill);
        }
        throw new IllegalStateException("no values are known of " + type);
    }

    private static byte[] octets(int n, Fill fill) {
        byte[] octets = new byte[fill == Fill.EMPTY ? 0 : fill == Fill.LONG ? 200 : 3];
        Arrays.fill(octets, (byte) (n * 7 + 1));
        return octets;
    }

    @SuppressWarnings("unchecked")
    private static Object collection(
        Class<?> type, java.lang.reflect.Type generic, Type wire, short version, Fill fill
    ) throws Exception {
        Collection<Object> all =
            type == List.class ? new ArrayList<>() : (Collection<Object>) type.getConstructor().newInstance();
        Class<?> element = generic instanceof ParameterizedType
            ? (Class<?>) ((ParameterizedType) generic).getActualTypeArguments()[0]
            : Class.forName(type.getName().replaceAll("Collection$", ""));
        for (int i = 0; i < 2 && fill != Fill.EMPTY; i++) {
            all.add(value(element, element, null, wire.arrayElementType().get(), version, fill));
        }
        if (fill != Fill.EMPTY && all.size() != 2) {
            throw new IllegalStateException("a collection of " + element + " takes no two elements");
        }
        return all;
    }

    /** Struct, field, versions with type, tag and null, default: to be compared with the tables of the codec. */
    private static void printFields(
        PrintStream out, String name, Class<?> struct, short lowest, short highest
    ) throws Exception {
        Object plain = struct.getConstructor().newInstance();
        Map<String, String> defaults = new HashMap<>();
        for (java.lang.reflect.Field field : struct.getDeclaredFields()) {
            if (!Modifier.isStatic(field.getModifiers())) {
                field.setAccessible(true);
                String value = String.valueOf(field.get(plain)).replaceAll("\n", " ");
                defaults.put(snake(field.getName()), value + "\t" + field.getGenericType().getTypeName());
            }
        }
        for (short version = lowest; version <= highest; version++) {
            Schema schema = schema(struct, version);
            if (schema == null) {
                continue;
            }
            for (BoundField field : schema.fields()) {
                if (field.def.type instanceof TaggedFields) {
                    for (Map.Entry<Integer, Field> tag : ((TaggedFields) field.def.type).fields().entrySet()) {
                        printField(out, name, version, tag.getValue(), String.valueOf(tag.getKey()), defaults);
                    }
                } else {
                    printField(out, name, version, field.def, "-", defaults);
                }
            }
        }
        for (Class<?> nested : struct.getDeclaredClasses()) {
            if (Message.class.isAssignableFrom(nested)) {
                printFields(out, name + "." + nested.getSimpleName(), nested, lowest, highest);
            }
        }
    }

    private static void printField(
        PrintStream out, String struct, short version, Field field, String tag, Map<String, String> defaults
    ) {
        Type type = field.type;
        String text = type.isArray() ? "[" + type.arrayElementType().get().getClass().getSimpleName() + ":"
            + type.arrayElementType().get() + "]" : type.getClass().getSimpleName() + ":" + type;
        out.print(String.join("\t", struct, String.valueOf(version), field.name, tag, type.isNullable() ? "null" : "-",
            text.replaceAll("\\{.*", "{}"), defaults.get(field.name)) + "\n");
    }

    private static String snake(String name) {
        StringBuilder snake = new StringBuilder();
        for (char c : name.toCharArray()) {
            if (Character.isUpperCase(c)) {
                snake.append('_');
            }
            snake.append(Character.toLowerCase(c));
        }
        return snake.toString();
    }
}
