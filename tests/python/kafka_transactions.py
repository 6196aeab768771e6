"""Copies records in transactions, aborts some and fences a zombie, as three clients do. Argument: host:port."""

import asyncio
import json
import sys
import time
import uuid

import aiokafka
from aiokafka.structs import TopicPartition as AioPartition
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as PyPartition

BROKER = sys.argv[1]
RECORDS = 300
BATCH = 50
PATIENCE_S = 60


def topics():
    """Two topics of their own: one with records to be copied, and one to copy them to."""
    name = uuid.uuid4().hex[:8]
    source, target = f"in-{name}", f"out-{name}"
    admin = AdminClient({"bootstrap.servers": BROKER})
    for made in admin.create_topics([NewTopic(source, 1, 1), NewTopic(target, 2, 1)]).values():
        made.result()
    producer = Producer({"bootstrap.servers": BROKER})
    for number in range(RECORDS):
        producer.produce(source, str(number))
    producer.flush(PATIENCE_S)
    return source, target


def read(topic, isolation):
    """All values of a topic."""
    consumer = Consumer({"bootstrap.servers": BROKER, "group.id": f"look-{uuid.uuid4().hex}",
                         "isolation.level": isolation, "enable.partition.eof": True,
                         "auto.offset.reset": "earliest"})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(2)])
    values, ended = [], set()
    while len(ended) < 2:
        message = consumer.poll(PATIENCE_S)
        if message is None:
            raise SystemExit(f"{topic} has no end")
        if message.error():
            ended.add(message.partition())
        else:
            values.append(message.value().decode())
    consumer.close()
    return values


def outcome(source, target, group, fenced):
    """What came of it: every record is there once, and nothing of what was aborted."""
    values = read(target, "read_committed")
    assert sorted(values) == sorted(f"copy of {number}" for number in range(RECORDS)), len(values)
    everything = read(target, "read_uncommitted")
    assert len(everything) > len(values), "what was aborted is there, for whoever wants to see it"
    consumer = Consumer({"bootstrap.servers": BROKER, "group.id": group})
    offset = consumer.committed([TopicPartition(source, 0)], PATIENCE_S)[0].offset
    consumer.close()
    aborted = sum(value.startswith("aborted") for value in values)
    return {"copied": len(values), "offset": offset, "aborted_seen": aborted, "fenced": fenced}


def librdkafka():
    """Each batch is sent and aborted, then copied with its offsets."""
    source, target = topics()
    group, name = f"{source}-copiers", f"{source}-copier"
    consumer = Consumer({"bootstrap.servers": BROKER, "group.id": group, "auto.offset.reset": "earliest",
                         "enable.auto.commit": False})
    consumer.subscribe([source])
    settings = {"bootstrap.servers": BROKER, "transactional.id": name, "linger.ms": 1}
    producer = Producer(settings)
    producer.init_transactions(PATIENCE_S)
    copied = 0
    while copied < RECORDS:
        messages = consumer.consume(BATCH, 1)
        if not messages:
            continue
        producer.begin_transaction()
        for message in messages:
            producer.produce(target, f"aborted {message.value().decode()}")
        producer.flush(PATIENCE_S)
        producer.abort_transaction(PATIENCE_S)
        producer.begin_transaction()
        for message in messages:
            producer.produce(target, f"copy of {message.value().decode()}", key=message.value())
        positions = consumer.position(consumer.assignment())
        producer.send_offsets_to_transaction(positions, consumer.consumer_group_metadata(), PATIENCE_S)
        producer.commit_transaction(PATIENCE_S)
        copied += len(messages)
    consumer.close()

    producer.begin_transaction()
    producer.produce(target, "aborted by the next life")
    producer.flush(PATIENCE_S)
    other = Producer(settings)
    other.init_transactions(PATIENCE_S)
    fenced = False
    try:
        producer.commit_transaction(PATIENCE_S)
    except KafkaException as error:
        fenced = error.args[0].fatal()
    return outcome(source, target, group, fenced)


def pure_python():
    """The same with a producer and a consumer of pure Python."""
    source, target = topics()
    group, name = f"{source}-copiers", f"{source}-copier"
    consumer = KafkaConsumer(source, bootstrap_servers=BROKER, group_id=group, auto_offset_reset="earliest",
                             enable_auto_commit=False, isolation_level="read_committed")
    producer = KafkaProducer(bootstrap_servers=BROKER, transactional_id=name)
    producer.init_transactions()
    copied = 0
    while copied < RECORDS:
        fetched = consumer.poll(1_000, max_records=BATCH)
        for partition, messages in fetched.items():
            producer.begin_transaction()
            for message in messages:
                producer.send(target, f"aborted {message.value.decode()}".encode())
            producer.flush(PATIENCE_S)
            producer.abort_transaction()
            producer.begin_transaction()
            for message in messages:
                producer.send(target, f"copy of {message.value.decode()}".encode(), key=message.value)
            end = OffsetAndMetadata(messages[-1].offset + 1, "", -1)
            ends = {PyPartition(source, partition.partition): end}
            producer.send_offsets_to_transaction(ends, consumer.group_metadata())
            producer.commit_transaction()
            copied += len(messages)
    consumer.close()

    producer.begin_transaction()
    producer.send(target, b"aborted by the next life")
    producer.flush(PATIENCE_S)
    other = KafkaProducer(bootstrap_servers=BROKER, transactional_id=name)
    other.init_transactions()
    fenced = False
    try:
        producer.commit_transaction()
    except KafkaError:
        fenced = True
    other.close()
    producer.close(timeout=1)
    return outcome(source, target, group, fenced)


async def asynchronous():
    """The same on one event loop."""
    source, target = topics()
    group, name = f"{source}-copiers", f"{source}-copier"
    consumer = aiokafka.AIOKafkaConsumer(source, bootstrap_servers=BROKER, group_id=group,
                                         auto_offset_reset="earliest", enable_auto_commit=False,
                                         isolation_level="read_committed")
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=BROKER, transactional_id=name)
    await consumer.start()
    await producer.start()
    copied, deadline = 0, time.time() + PATIENCE_S
    while copied < RECORDS and time.time() < deadline:
        fetched = await consumer.getmany(timeout_ms=1_000, max_records=BATCH)
        for partition, messages in fetched.items():
            await producer.begin_transaction()
            for message in messages:
                await producer.send_and_wait(target, f"aborted {message.value.decode()}".encode())
            await producer.abort_transaction()
            async with producer.transaction():
                for message in messages:
                    await producer.send(target, f"copy of {message.value.decode()}".encode(), key=message.value)
                ends = {AioPartition(source, partition.partition): messages[-1].offset + 1}
                await producer.send_offsets_to_transaction(ends, group)
            copied += len(messages)
    await consumer.stop()

    await producer.begin_transaction()
    await producer.send_and_wait(target, b"aborted by the next life")
    other = aiokafka.AIOKafkaProducer(bootstrap_servers=BROKER, transactional_id=name)
    await other.start()
    fenced = False
    try:
        await producer.commit_transaction()
    except aiokafka.errors.KafkaError:
        fenced = True
    await other.stop()
    await producer.stop()
    return outcome(source, target, group, fenced)


print(json.dumps({"confluent_kafka": librdkafka(), "kafka_python": pure_python(),
                  "aiokafka": asyncio.run(asynchronous())}))
