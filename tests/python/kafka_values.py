"""Writes to `mine` what clients write: JSON, text, bytes, a row of `by_shop` as it stands there, nothing. Argument: host:port."""

import json
import sys

from confluent_kafka import Consumer, Producer, TopicPartition

BROKER = sys.argv[1]
consumer = Consumer({"bootstrap.servers": BROKER, "group.id": "values", "enable.auto.commit": False})
consumer.assign([TopicPartition("by_shop", 0, 0)])
row = consumer.poll(20)
if row is None or row.error():
    raise SystemExit(f"no row of by_shop: {row and row.error()}")
consumer.close()

failed = []
producer = Producer({"bootstrap.servers": BROKER})
values = [b'{"order": 0, "city": "K\xc3\xb6ln"}', "gr\u00fcn", bytes([0, 255, 1, 2, 3]), row.value(), None]
for number, value in enumerate(values):
    producer.produce("mine", key=f"key {number}", value=value, partition=0, timestamp=1_700_000_000_000 + number,
                     on_delivery=lambda error, _: failed.append(str(error)) if error else None)
producer.flush(20)
print(json.dumps({"failed": failed}))
