"""Uses a Kafka broker as aiokafka does, and prints what it has seen as JSON. Argument: host:port."""

import asyncio
import json
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, OffsetAndMetadata, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic

BROKER = sys.argv[1]
CODECS = [None, "gzip", "snappy", "lz4", "zstd"]
RECORDS = 500
TOPIC = "orders"


async def produce(seen):
    """As many records with every codec, each a second later than the one before."""
    offsets = set()
    for number, codec in enumerate(CODECS):
        options = {"acks": "all", "compression_type": codec, "enable_idempotence": codec is not None}
        async with AIOKafkaProducer(bootstrap_servers=BROKER, **options) as producer:
            first = number * RECORDS
            sends = [
                await producer.send(TOPIC, b"%d" % n, key=b"%d" % n, headers=[("codec", str(codec).encode())],
                                    timestamp_ms=1_700_000_000_000 + n * 1_000)
                for n in range(first, first + RECORDS)
            ]
            offsets.update((sent.partition, sent.offset) for sent in await asyncio.gather(*sends))
    seen["offsets"] = len(offsets)


async def read_as_group(seen):
    """Two members of one group read everything, and share the partitions evenly."""
    values, members, shares = set(), [], []

    async def read(done):
        consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=BROKER, group_id="readers", auto_offset_reset="earliest",
                                    enable_auto_commit=False, heartbeat_interval_ms=200, session_timeout_ms=6_000)
        members.append(consumer)
        async with consumer:
            while not done.is_set():
                fetched = await consumer.getmany(timeout_ms=200)
                values.update(message.value for messages in fetched.values() for message in messages)
                if fetched:
                    await consumer.commit()
                # Once one of the two is done it leaves, and the other has all.
                found = [len(member.assignment()) for member in members]
                if len(values) == len(CODECS) * RECORDS and sorted(found) == [2, 2] and not done.is_set():
                    shares.extend(found)
                    done.set()

    done = asyncio.Event()
    await asyncio.wait_for(asyncio.gather(read(done), read(done)), 60)
    seen["values"] = len(values)
    seen["shares"] = sorted(shares)


async def look_around(seen):
    """Offsets by time and by place, what is committed, and a partition that is paused."""
    partitions = [TopicPartition(TOPIC, number) for number in range(4)]
    consumer = AIOKafkaConsumer(bootstrap_servers=BROKER, group_id="lookers", enable_auto_commit=False)
    async with consumer:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        seen["ends"] = sum(ends.values())
        late = await consumer.offsets_for_times({partition: 1_700_000_000_000 + 1_000_000 for partition in partitions})
        seen["from_1000_on"] = sum(ends[partition] - late[partition].offset for partition in partitions)
        beyond = await consumer.offsets_for_times({partition: 1_900_000_000_000 for partition in partitions})
        seen["beyond"] = [beyond[partition] for partition in partitions]
        await consumer.seek_to_end(*partitions)
        consumer.seek(partitions[0], 7)
        consumer.pause(*partitions[1:])
        seen["sought"] = (await consumer.getone(partitions[0])).offset
        await consumer.commit({partitions[0]: OffsetAndMetadata(8, "seven were enough")})
        seen["committed"] = await consumer.committed(partitions[0])


async def main():
    seen = {}
    admin = AIOKafkaAdminClient(bootstrap_servers=BROKER)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, 4, 1, topic_configs={"retention.ms": "-1"})])
    await produce(seen)
    await read_as_group(seen)
    await look_around(seen)
    groups = await admin.list_consumer_groups()
    seen["groups"] = sorted(group[0] for group in groups)
    await admin.create_partitions({TOPIC: NewPartitions(6)})
    described = await admin.describe_topics([TOPIC])
    seen["partitions"] = len(described[0]["partitions"])
    await admin.delete_topics([TOPIC])
    seen["topics"] = [topic for topic in await admin.list_topics() if not topic.startswith("__")]
    await admin.close()
    print(json.dumps(seen))


asyncio.run(main())
