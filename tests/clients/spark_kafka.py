"""Uses a Kafka broker as Spark's source and sink do, and prints what it has seen as JSON. Arguments: host:port, jars, a folder."""

import json
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

BROKER, JARS, FOLDER = sys.argv[1:]
ROWS = 20_000

spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.jars", JARS)
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
kafka = {"kafka.bootstrap.servers": BROKER}
seen = {}


def write(first, last):
    """Orders `first` to `last` to the topic, as a batch."""
    rows = spark.range(first, last).select(
        F.col("id").cast("string").alias("key"),
        F.to_json(F.struct(F.col("id"), (F.col("id") % 7).alias("shop"))).alias("value"),
    )
    rows.write.format("kafka").options(**kafka).option("topic", "orders").save()


def stream():
    """Counts orders by shop from where the last run stood, to another topic."""
    orders = spark.readStream.format("kafka").options(**kafka).option("subscribe", "orders")
    orders = orders.option("startingOffsets", "earliest").option("maxOffsetsPerTrigger", ROWS // 4).load()
    shop = F.from_json(F.col("value").cast("string"), "id BIGINT, shop INT")["shop"]
    counts = orders.groupBy(shop.alias("shop")).count()
    rows = counts.select(F.col("shop").cast("string").alias("key"), F.col("count").cast("string").alias("value"))
    query = rows.writeStream.format("kafka").options(**kafka).option("topic", "by_shop").outputMode("update")
    query = query.option("checkpointLocation", f"{FOLDER}/checkpoint").trigger(availableNow=True).start()
    query.awaitTermination()
    return sum(progress["numInputRows"] for progress in query.recentProgress)


def read(topic):
    return spark.read.format("kafka").options(**kafka).option("subscribe", topic).load()


write(0, ROWS)
orders = read("orders")
seen["rows"] = orders.count()
seen["distinct"] = orders.select("key").distinct().count()
seen["streamed"] = stream()
write(ROWS, 2 * ROWS)
seen["streamed_then"] = stream()
# The last count of each shop.
counts = read("by_shop").orderBy("timestamp", "offset").collect()
last = {row["key"].decode(): int(row["value"]) for row in counts}
seen["counts"] = [last[str(shop)] for shop in range(7)]
now = spark.read.format("kafka").options(**kafka).option("subscribe", "orders")
seen["since_1970"] = now.option("startingTimestamp", "0").load().count()
print(json.dumps(seen))
