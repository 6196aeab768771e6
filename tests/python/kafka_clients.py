"""Uses a Kafka broker as three clients do, and prints what each has seen as JSON. Argument: host:port."""

import asyncio
import json
import sys
import threading
import time
import uuid

import aiokafka
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic
from kafka import KafkaConsumer, KafkaProducer

BROKER = sys.argv[1]
RECORDS = 5_000
PATIENCE_S = 60


def librdkafka():
    """Topics, an idempotent producer, and two members of one group that share its partitions."""
    seen = {}
    admin = AdminClient({"bootstrap.servers": BROKER})
    topic = f"orders-{uuid.uuid4().hex[:8]}"
    group = f"{topic}-readers"
    admin.create_topics([NewTopic(topic, 4, 3, config={"retention.ms": "100000"})])[topic].result()
    resource = ConfigResource("topic", topic)
    change = ConfigEntry("max.message.bytes", "2000000", incremental_operation=AlterConfigOpType.SET)
    changed = ConfigResource("topic", topic, incremental_configs=[change])
    next(iter(admin.incremental_alter_configs([changed]).values())).result()
    configs = next(iter(admin.describe_configs([resource]).values())).result()
    seen["configs"] = [configs["retention.ms"].value, configs["max.message.bytes"].value]
    seen["nodes"] = len(admin.describe_cluster().result().nodes)

    failed = []
    producer = Producer({"bootstrap.servers": BROKER, "enable.idempotence": True, "compression.type": "zstd"})
    for number in range(RECORDS):
        producer.produce(topic, key=str(number), value=f"order {number}", headers={"shop": "north"},
                         on_delivery=lambda error, _: failed.append(str(error)) if error else None)
        producer.poll(0)
    producer.flush(PATIENCE_S)
    seen["not_delivered"] = failed

    values, stop = {}, threading.Event()

    def read(name):
        consumer = Consumer({"bootstrap.servers": BROKER, "group.id": group, "client.id": name,
                             "auto.offset.reset": "earliest", "session.timeout.ms": 6000,
                             "enable.auto.commit": False})
        consumer.subscribe([topic])
        while not stop.is_set():
            message = consumer.poll(0.2)
            if message is None:
                continue
            if message.error():
                raise KafkaException(message.error())
            values[message.value().decode()] = (message.headers(), name)
            consumer.commit(message, asynchronous=True)
        consumer.close()

    members = [threading.Thread(target=read, args=(f"member-{n}",)) for n in range(2)]
    for member in members:
        member.start()
    deadline, shares = time.time() + PATIENCE_S, []
    while time.time() < deadline:
        described = next(iter(admin.describe_consumer_groups([group]).values())).result()
        shares = sorted(len(member.assignment.topic_partitions) for member in described.members)
        if len(values) == RECORDS and shares == [2, 2]:
            break
        time.sleep(0.1)
    stop.set()
    for member in members:
        member.join()
    seen["values"] = len(values)
    seen["shares"] = shares
    seen["headers"] = all(headers == [("shop", b"north")] for headers, _ in values.values())

    consumer = Consumer({"bootstrap.servers": BROKER, "group.id": group})
    partitions = [TopicPartition(topic, number) for number in range(4)]
    seen["committed"] = sum(partition.offset for partition in consumer.committed(partitions))
    later = [TopicPartition(topic, number, 2_000_000_000_000) for number in range(4)]
    seen["behind_the_end"] = sorted({partition.offset for partition in consumer.offsets_for_times(later)})
    consumer.close()
    seen["groups"] = [found.group_id for found in admin.list_consumer_groups().result().valid if found.group_id == group]

    half = TopicPartition(topic, 0, 100)
    seen["begins_at"] = admin.delete_records([half])[half].result().low_watermark

    admin.create_partitions([NewPartitions(topic, 6)])[topic].result()
    seen["partitions"] = len(admin.list_topics(topic).topics[topic].partitions)
    admin.delete_consumer_groups([group])[group].result()
    admin.delete_topics([topic])[topic].result()
    seen["gone"] = topic not in admin.list_topics().topics
    return seen


def pure_python():
    """A producer that packs with gzip, and a group of one."""
    topic = f"packed-{uuid.uuid4().hex[:8]}"
    producer = KafkaProducer(bootstrap_servers=BROKER, compression_type="gzip", acks="all")
    for number in range(1_000):
        producer.send(topic, key=str(number).encode(), value=f"order {number}".encode())
    producer.flush(PATIENCE_S)
    producer.close()
    consumer = KafkaConsumer(topic, bootstrap_servers=BROKER, group_id=topic, auto_offset_reset="earliest",
                             consumer_timeout_ms=3_000)
    count = len({message.value for message in consumer})
    consumer.close()
    return {"values": count}


async def asynchronous():
    """An idempotent producer, and a group of one, on one event loop."""
    topic = f"async-{uuid.uuid4().hex[:8]}"
    async with aiokafka.AIOKafkaProducer(bootstrap_servers=BROKER, enable_idempotence=True) as producer:
        for number in range(1_000):
            await producer.send(topic, f"order {number}".encode())
        await producer.flush()
    values = set()
    consumer = aiokafka.AIOKafkaConsumer(topic, bootstrap_servers=BROKER, group_id=topic,
                                         auto_offset_reset="earliest")
    async with consumer:
        deadline = time.time() + PATIENCE_S
        while len(values) < 1_000 and time.time() < deadline:
            fetched = await consumer.getmany(timeout_ms=1_000)
            values.update(message.value for messages in fetched.values() for message in messages)
    return {"values": len(values)}


print(json.dumps({"confluent_kafka": librdkafka(), "kafka_python": pure_python(),
                  "aiokafka": asyncio.run(asynchronous())}))
