"""Appends 200 records, and reads with a group and without one. Arguments: host:port, and the number of this round."""

import json
import sys

from confluent_kafka import Consumer, Producer, TopicPartition

BROKER, ROUND = sys.argv[1], int(sys.argv[2])
TOPIC = "rounds"
FIRST = ROUND * 200


def end():
    consumer = Consumer({"bootstrap.servers": BROKER, "group.id": "nobody", "allow.auto.create.topics": True})
    try:
        return consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=20)[1]
    finally:
        consumer.close()


def read(count, **settings):
    """The values of the next `count` records."""
    consumer = Consumer({"bootstrap.servers": BROKER, "auto.offset.reset": "earliest", "enable.auto.commit": False,
                         "session.timeout.ms": 6000, **settings})
    consumer.subscribe([TOPIC])
    values = []
    while len(values) < count:
        message = consumer.poll(30)
        if message is None or message.error():
            raise SystemExit(f"after {len(values)} of {count}: {message and message.error()}")
        values.append(int(message.value()))
    consumer.commit(asynchronous=False)
    # Nobody leaves: a killed consumer does not either.
    return values


before = end() if ROUND else 0
producer = Producer({"bootstrap.servers": BROKER, "enable.idempotence": True, "linger.ms": 1})
failed = []
for number in range(FIRST, FIRST + 200):
    producer.produce(TOPIC, str(number), on_delivery=lambda error, _: failed.append(error) if error else None)
    if number % 20 == 0:
        producer.flush()
producer.flush(30)
assert not failed, failed
new = read(200, **{"group.id": "readers"})
assert new == list(range(FIRST, FIRST + 200)), (new[:3], new[-3:])
everything = read(FIRST + 200, **{"group.id": f"reader-{ROUND}"})
assert everything == list(range(FIRST + 200)), "each once, in order"
print(json.dumps({"before": before, "new_to_the_group": len(new), "all": len(everything)}), flush=True)
# Without the goodbyes of the clients.
import os  # noqa: E402

os._exit(0)
