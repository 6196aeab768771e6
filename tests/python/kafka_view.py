"""Reads the topic of a view as a client of Kafka, and tries to write it. Argument: host:port."""

import json
import sys

from confluent_kafka import Consumer, Producer, TopicPartition

BROKER = sys.argv[1]
consumer = Consumer({"bootstrap.servers": BROKER, "group.id": "view", "enable.auto.commit": False})
consumer.assign([TopicPartition("by_shop", 0, 0)])
end = consumer.get_watermark_offsets(TopicPartition("by_shop", 0), timeout=20)[1]
messages = []
while len(messages) < end:
    message = consumer.poll(20)
    if message is None or message.error():
        raise SystemExit(f"after {len(messages)} of {end}: {message and message.error()}")
    messages.append(message)
consumer.close()

refused = []
producer = Producer({"bootstrap.servers": BROKER})
producer.produce("by_shop", "mine", on_delivery=lambda error, _: refused.append(error.name() if error else None))
producer.flush(20)
print(json.dumps({
    "keys": sorted({message.key().decode() for message in messages}),
    "framed": all(message.value()[0] == 0 and len(message.value()) > 5 for message in messages),
    "refused": refused[0],
}))
