"""Appends 100 records, copies all that are not copied yet in transactions, and goes with one under way.

Arguments: host:port, and the number of this round."""

import json
import os
import sys

from confluent_kafka import Consumer, Producer, TopicPartition

BROKER, ROUND = sys.argv[1], int(sys.argv[2])
SOURCE, TARGET, GROUP = "to-copy", "copies", "copiers"
PATIENCE_S = 60


def consumer(**settings):
    return Consumer({"bootstrap.servers": BROKER, "auto.offset.reset": "earliest", "enable.auto.commit": False,
                     "allow.auto.create.topics": True, "enable.partition.eof": True, **settings})


writer = Producer({"bootstrap.servers": BROKER, "enable.idempotence": True})
for number in range(ROUND * 100, (ROUND + 1) * 100):
    writer.produce(SOURCE, str(number))
assert writer.flush(PATIENCE_S) == 0

copier = Producer({"bootstrap.servers": BROKER, "transactional.id": "copier", "linger.ms": 1})
copier.init_transactions(PATIENCE_S)
reader = consumer(**{"group.id": GROUP})
place = reader.committed([TopicPartition(SOURCE, 0)], PATIENCE_S)[0].offset
assert place == (ROUND * 100 if ROUND else -1001), place
reader.assign([TopicPartition(SOURCE, 0, max(place, 0))])
copied = max(place, 0)
while copied < (ROUND + 1) * 100:
    messages = [message for message in reader.consume(20, 1) if not message.error()]
    if not messages:
        continue
    copier.begin_transaction()
    for message in messages:
        copier.produce(TARGET, message.value())
    ends = [TopicPartition(SOURCE, 0, messages[-1].offset() + 1)]
    copier.send_offsets_to_transaction(ends, reader.consumer_group_metadata(), PATIENCE_S)
    copier.commit_transaction(PATIENCE_S)
    copied += len(messages)

looker = consumer(**{"group.id": "looker", "isolation.level": "read_committed"})
looker.assign([TopicPartition(TARGET, 0, 0)])
values = []
while True:
    message = looker.poll(PATIENCE_S)
    assert message is not None, f"{len(values)} and no end"
    if message.error():
        break
    values.append(int(message.value()))
assert values == list(range((ROUND + 1) * 100)), (len(values), values[:3], values[-3:])

# Neither committed nor aborted by whoever began it.
copier.begin_transaction()
for number in range(10):
    copier.produce(TARGET, f"{-1 - number}")
copier.flush(PATIENCE_S)
print(json.dumps({"copied": len(values)}), flush=True)
os._exit(0)
