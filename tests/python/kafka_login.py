"""Tries users and passwords on a Kafka broker, and prints which are let in. Arguments: host:port, then a name and a password each."""

import json
import sys

from confluent_kafka import KafkaError, KafkaException, Producer

BROKER, PAIRS = sys.argv[1], list(zip(sys.argv[2::2], sys.argv[3::2]))


def tried(user, password):
    told = []
    client = Producer({"bootstrap.servers": BROKER, "security.protocol": "SASL_PLAINTEXT", "error_cb": told.append,
                       "sasl.mechanism": "SCRAM-SHA-256", "sasl.username": user, "sasl.password": password})
    try:
        client.list_topics(timeout=10)
        return "in"
    except KafkaException:
        client.poll(0)
        return "refused" if any(error.code() == KafkaError._AUTHENTICATION for error in told) else str(told)


print(json.dumps([tried(user, password) for user, password in PAIRS]))
