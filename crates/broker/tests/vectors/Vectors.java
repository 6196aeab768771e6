import java.io.PrintStream;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.nio.file.*;
import java.util.*;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.*;
import org.apache.kafka.common.protocol.*;
import org.apache.kafka.common.protocol.types.*;
import org.apache.kafka.common.record.internal.MemoryRecords;

/** Writes every served message with Kafka's own classes: once with all fields set, once with as few as can be, and once with defaults. */
public class Vectors {
    static int counter;

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(args[1]);
        for (String row : Files.readAllLines(Path.of(args[0]))) {
            String[] part = row.split(" ");
            ApiKeys key = ApiKeys.forId(Integer.parseInt(part[0]));
            for (short v = Short.parseShort(part[1]); v <= Short.parseShort(part[2]); v++) {
                RequestHeaderData header = new RequestHeaderData();
                header.setRequestApiKey(key.id).setRequestApiVersion(v).setCorrelationId(258).setClientId("us");
                print(out, key, "request-header", v, header, key.requestHeaderVersion(v));
                ResponseHeaderData answer = new ResponseHeaderData().setCorrelationId(258);
                print(out, key, "response-header", v, answer, key.responseHeaderVersion(v));
                for (String direction : new String[] {"Request", "Response"}) {
                    Class<?> c = Class.forName("org.apache.kafka.common.message." + key.messageType.name + direction + "Data");
                    for (boolean full : new boolean[] {true, false}) {
                        counter = 1;
                        print(out, key, direction.toLowerCase(), v, (ApiMessage) fill(c, v, full), v);
                    }
                    print(out, key, direction.toLowerCase() + "-default", v, (ApiMessage) plain(c, v, Short.parseShort(part[1])), v);
                }
            }
        }
        out.close();
    }

    static void print(PrintStream out, ApiKeys key, String direction, short row, ApiMessage message, short v) {
        ByteBuffer b = MessageUtil.toByteBufferAccessor(message, v).buffer();
        StringBuilder hex = new StringBuilder();
        while (b.hasRemaining()) hex.append(String.format("%02x", b.get()));
        out.print(key.id + "\t" + direction + "\t" + row + "\t" + hex + "\n");
    }

    static Object fill(Class<?> c, short v, boolean full) throws Exception {
        Object instance = c.getConstructor().newInstance();
        Schema schema = ((Schema[]) c.getField("SCHEMAS").get(null))[v];
        for (java.lang.reflect.Field f : c.getDeclaredFields()) {
            if (Modifier.isStatic(f.getModifiers())) continue;
            String name = Dump.snake(f.getName());
            Type type = null;
            for (BoundField b : schema.fields()) {
                if (b.def.name.equals(name)) type = b.def.type;
                if (b.def.type instanceof TaggedFields && full) {
                    for (Field t : ((TaggedFields) b.def.type).fields().values()) if (t.name.equals(name)) type = t.type;
                }
            }
            if (type == null) continue;
            f.setAccessible(true);
            f.set(instance, value(f.getType(), f.getGenericType(), f.get(instance), type, v, full));
        }
        return instance;
    }

    static Type typeOf(Class<?> c, String name, int v) throws Exception {
        Schema[] schemas = (Schema[]) c.getField("SCHEMAS").get(null);
        if (v >= schemas.length || schemas[v] == null) return null;
        for (BoundField b : schemas[v].fields()) if (b.def.name.equals(name)) return b.def.type;
        return null;
    }

    /** Defaults, null where that always was allowed, and one element in every array of structs that version {@code low} has. */
    @SuppressWarnings("unchecked")
    static Object plain(Class<?> c, short v, short low) throws Exception {
        Object instance = c.getConstructor().newInstance();
        for (java.lang.reflect.Field f : c.getDeclaredFields()) {
            if (Modifier.isStatic(f.getModifiers())) continue;
            String name = Dump.snake(f.getName());
            Type type = typeOf(c, name, v), first = null;
            for (int i = 0; first == null && i <= v; i++) first = typeOf(c, name, i);
            if (type == null) continue;
            f.setAccessible(true);
            if (first.isNullable() && !f.getType().getSimpleName().equals("BaseRecords")) {
                f.set(instance, null);
            } else if (f.getType() == String.class && f.get(instance) == null) {
                f.set(instance, "");
            } else if (f.getType().getSimpleName().equals("BaseRecords")) {
                f.set(instance, MemoryRecords.EMPTY);
            } else if (type.isArray()) {
                java.lang.reflect.Type generic = f.getGenericType();
                Class<?> element = generic instanceof ParameterizedType
                    ? (Class<?>) ((ParameterizedType) generic).getActualTypeArguments()[0]
                    : Class.forName(f.getType().getName().replaceAll("Collection$", ""));
                if (!Message.class.isAssignableFrom(element) || typeOf(c, name, low) == null) continue;
                if (f.get(instance) == null) f.set(instance, new ArrayList<Object>());
                ((Collection<Object>) f.get(instance)).add(plain(element, v, low));
            }
        }
        return instance;
    }

    @SuppressWarnings("unchecked")
    static Object value(Class<?> c, java.lang.reflect.Type generic, Object old, Type type, short v, boolean full) throws Exception {
        boolean records = c.getSimpleName().equals("BaseRecords");
        if (!full && type.isNullable() && !records) return null;
        if (!full && type.isNullable() && generic.toString().contains("Records") && old == null) return MemoryRecords.EMPTY;
        int n = counter++;
        if (c == boolean.class) return full ? !(Boolean) old : old;
        if (c == byte.class || c == Byte.class) return (byte) (n % 100 + 4);
        if (c == short.class || c == Short.class) return (short) n;
        if (c == int.class || c == Integer.class) return n;
        if (c == long.class || c == Long.class) return (long) n << 33 | n;
        if (c == double.class) return n + 0.5;
        if (c == String.class) return full ? "s" + n : "";
        if (c == Uuid.class) return new Uuid(n, n + 1000);
        if (c == byte[].class) return full ? new byte[] {(byte) n, 1} : new byte[0];
        if (records) return full ? MemoryRecords.readableRecords(ByteBuffer.wrap(new byte[] {(byte) n, 2, 3})) : MemoryRecords.EMPTY;
        if (Collection.class.isAssignableFrom(c)) {
            Collection<Object> all = c == List.class ? new ArrayList<>() : (Collection<Object>) c.getConstructor().newInstance();
            Class<?> element;
            if (generic instanceof ParameterizedType) element = (Class<?>) ((ParameterizedType) generic).getActualTypeArguments()[0];
            else element = Class.forName(c.getName().replaceAll("Collection$", ""));
            for (int i = 0; i < 2 && full; i++) all.add(value(element, element, null, type.arrayElementType().get(), v, full));
            return all;
        }
        return fill(c, v, full);
    }
}
