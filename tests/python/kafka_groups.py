"""Reads as groups of the newer protocol (KIP-848) do, and changes over from and to the classic one. Argument: host:port."""

import json
import sys
import time
import uuid

from confluent_kafka import Consumer, ConsumerGroupState, ConsumerGroupType, KafkaException, Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic

BROKER = sys.argv[1]
RECORDS = 1_200
PATIENCE_S = 60
admin = AdminClient({"bootstrap.servers": BROKER})


def member(group, protocol="consumer", **more):
    settings = {"bootstrap.servers": BROKER, "group.id": group, "group.protocol": protocol,
                "auto.offset.reset": "earliest", "enable.auto.commit": False}
    return Consumer(settings | {key.replace("_", "."): value for key, value in more.items()})


def drain(members, wanted, values, shares):
    """Polls everybody until all values are there and everybody has its share."""
    deadline = time.time() + PATIENCE_S
    while time.time() < deadline:
        for consumer in members:
            message = consumer.poll(0.05)
            if message is None:
                continue
            if message.error():
                raise KafkaException(message.error())
            values.append(message.value().decode())
            consumer.commit(message, asynchronous=False)
        if len(set(values)) == wanted and sorted(len(consumer.assignment()) for consumer in members) == shares:
            return
    raise SystemExit(f"{len(values)} values, shares {[len(consumer.assignment()) for consumer in members]}")


def produce(topic, first, count):
    producer = Producer({"bootstrap.servers": BROKER})
    for number in range(first, first + count):
        producer.produce(topic, key=str(number), value=str(number))
    producer.flush(PATIENCE_S)


def main():
    topic = f"lines-{uuid.uuid4().hex[:8]}"
    group = f"{topic}-readers"
    admin.create_topics([NewTopic(topic, 6, 1)])[topic].result()
    produce(topic, 0, RECORDS)
    seen, values = {}, []

    # One member, then two, then three: the third subscribes by a regular expression.
    first = member(group, client_id="first")
    first.subscribe([topic])
    drain([first], RECORDS, values, [6])
    second = member(group, client_id="second", group_remote_assignor="range")
    second.subscribe([topic])
    drain([first, second], RECORDS, values, [3, 3])
    third = member(group, client_id="third", group_instance_id="till-3")
    third.subscribe([f"^{topic}$"])
    drain([first, second, third], RECORDS, values, [2, 2, 2])
    described = admin.describe_consumer_groups([group])[group].result()
    seen["described"] = [described.state == ConsumerGroupState.STABLE, described.type == ConsumerGroupType.CONSUMER,
                         sorted(len(found.assignment.topic_partitions) for found in described.members),
                         sorted(found.group_instance_id or "" for found in described.members)]
    listed = admin.list_consumer_groups(types={ConsumerGroupType.CONSUMER}).result().valid
    seen["listed"] = [found.group_id for found in listed if found.group_id == group] == [group]

    # Two go, what comes is read by who stays.
    second.close()
    third.close()
    produce(topic, RECORDS, RECORDS)
    # The place of the static member is kept for it.
    time_out = ConfigEntry("consumer.session.timeout.ms", "50000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.GROUP, group, incremental_configs=[time_out])
    next(iter(admin.incremental_alter_configs([resource]).values())).result()
    asked = ConfigResource(ConfigResource.Type.GROUP, group)
    seen["config"] = next(iter(admin.describe_configs([asked]).values())).result()["consumer.session.timeout.ms"].value
    back = member(group, client_id="third", group_instance_id="till-3")
    back.subscribe([f"^{topic}$"])
    drain([first, back], 2 * RECORDS, values, [3, 3])
    seen["read_once"] = len(values) == len(set(values))
    first.close()
    back.close()

    # A group that everybody has left is anybody's, whichever protocol they speak.
    seen["each_goes_on"] = []
    for round, protocol in enumerate(["consumer", "classic", "consumer"]):
        if round > 0:
            produce(topic, (1 + round) * RECORDS, RECORDS)
        reader = member(f"{topic}-changing", protocol)
        reader.subscribe([topic])
        read, wanted = [], 2 * RECORDS if round == 0 else RECORDS
        drain([reader], wanted, read, [6])
        reader.close()
        seen["each_goes_on"].append(len(read) == wanted)
    print(json.dumps(seen))


main()
