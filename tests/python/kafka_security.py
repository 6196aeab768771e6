"""Logs in to a Kafka broker over TLS as three clients do, and prints what each could do as JSON.

Arguments: host:port, and the file with the certificate of who vouches for the broker. The broker has the users `admin` (a super
user), `alice` and `bob`, and rules that let nobody else do anything.
"""

import asyncio
import json
import logging
import ssl
import sys

import aiokafka
import aiokafka.errors
import kafka.errors
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import (AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient, NewTopic,
                                   ResourcePatternType, ResourceType, ScramCredentialInfo, ScramMechanism,
                                   UserScramCredentialUpsertion)
from kafka import KafkaConsumer, KafkaProducer

BROKER, AUTHORITY = sys.argv[1:3]
PATIENCE_S = 30
MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
PASSWORDS = {"admin": "admin-secret", "alice": "alice-secret"}
# What the clients in Python say of a login that is refused stands in their logs alone: they go on trying to connect.
LOGGED = []


class Listener(logging.Handler):
    def emit(self, record):
        LOGGED.append(record.getMessage())


logging.getLogger().addHandler(Listener())


def allow(name, kind, pattern, operation, principal="User:alice"):
    return AclBinding(kind, name, pattern, principal, "*", operation, AclPermissionType.ALLOW)


def librdkafka_settings(user, mechanism, password=None):
    return {"bootstrap.servers": BROKER, "security.protocol": "SASL_SSL", "ssl.ca.location": AUTHORITY,
            "sasl.mechanism": mechanism, "sasl.username": user, "sasl.password": password or PASSWORDS[user]}


def administration():
    """Topics, users and rules for the others."""
    admin = AdminClient(librdkafka_settings("admin", "SCRAM-SHA-512"))
    for future in admin.create_topics([NewTopic(name, 1, 1) for name in ("shop.orders", "secret")]).values():
        future.result()
    salt, info = b"some salt", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 8192)
    admin.alter_user_scram_credentials([UserScramCredentialUpsertion("carol", info, b"carol-secret", salt)])["carol"].result()
    seen = {}
    described = admin.describe_user_scram_credentials(["alice"])["alice"].result()
    seen["mechanisms"] = sorted(info.mechanism.name for info in described.scram_credential_infos)
    prefixed, literal = ResourcePatternType.PREFIXED, ResourcePatternType.LITERAL
    rules = [allow("shop.", ResourceType.TOPIC, prefixed, AclOperation.READ),
             allow("shop.", ResourceType.TOPIC, prefixed, AclOperation.WRITE),
             allow("readers", ResourceType.GROUP, prefixed, AclOperation.READ),
             allow("secret", ResourceType.TOPIC, literal, AclOperation.DESCRIBE),
             allow("shop.orders", ResourceType.TOPIC, literal, AclOperation.READ, "User:carol")]
    for future in admin.create_acls(rules).values():
        future.result()
    everything = AclBindingFilter(ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY,
                                  AclPermissionType.ANY)
    seen["rules"] = len(admin.describe_acls(everything).result())
    # Whom rules let see the topic, with the password that was set a moment ago.
    carol = AdminClient(librdkafka_settings("carol", "SCRAM-SHA-256", "carol-secret"))
    assert set(carol.list_topics(timeout=PATIENCE_S).topics) == {"shop.orders"}

    def clear():
        admin.delete_acls([everything])[everything].result()
        seen["left"] = len(admin.describe_acls(everything).result())

    return seen, clear


def librdkafka():
    seen = {}
    for mechanism in MECHANISMS:
        settings = librdkafka_settings("alice", mechanism)
        failed = []
        producer = Producer({**settings, "enable.idempotence": True})
        producer.produce("shop.orders", mechanism, on_delivery=lambda error, _: failed.append(error) if error else None)
        assert producer.flush(PATIENCE_S) == 0 and not failed, failed
        consumer = Consumer({**settings, "group.id": f"readers-{mechanism}", "auto.offset.reset": "earliest"})
        consumer.subscribe(["shop.orders"])
        message = consumer.poll(PATIENCE_S)
        seen[mechanism] = "read" if message and not message.error() else str(message and message.error())
        consumer.close()

    def refused(user, password):
        told = []
        client = Producer({**librdkafka_settings(user, "SCRAM-SHA-256", password), "error_cb": told.append})
        for _ in range(PATIENCE_S * 10):
            client.poll(0.1)
            if told:
                break
        return "refused" if told and told[0].code() == KafkaError._AUTHENTICATION else str(told)

    seen["wrong password"] = refused("alice", "wrong")
    seen["unknown user"] = refused("nobody", "wrong")
    told = []
    producer = Producer(librdkafka_settings("alice", "SCRAM-SHA-256"))
    producer.produce("secret", "x", on_delivery=lambda error, _: told.append(error))
    producer.flush(PATIENCE_S)
    seen["denied topic"] = told[0].name() if told and told[0] else str(told)
    return seen


def pure_python():
    seen = {}

    def settings(user, mechanism, password=None):
        return {"bootstrap_servers": BROKER, "security_protocol": "SASL_SSL", "ssl_cafile": AUTHORITY,
                "sasl_mechanism": mechanism, "sasl_plain_username": user,
                "sasl_plain_password": password or PASSWORDS[user]}

    for mechanism in MECHANISMS:
        producer = KafkaProducer(**settings("alice", mechanism))
        producer.send("shop.orders", mechanism.encode()).get(PATIENCE_S)
        producer.close()
        consumer = KafkaConsumer("shop.orders", **settings("alice", mechanism), group_id=f"readers-pure-{mechanism}",
                                 auto_offset_reset="earliest", consumer_timeout_ms=PATIENCE_S * 1_000)
        seen[mechanism] = "read" if next(consumer, None) else "nothing"
        consumer.close()

    def refused(user, password):
        try:
            LOGGED.clear()
            KafkaProducer(**settings(user, "SCRAM-SHA-256", password), bootstrap_timeout_ms=2_000).close()
        except kafka.errors.KafkaError as error:
            is_told = any("SaslAuthenticationFailedError" in line for line in LOGGED)
            return "refused" if is_told else f"{type(error).__name__} after {LOGGED}"
        return "let in"

    seen["wrong password"] = refused("alice", "wrong")
    seen["unknown user"] = refused("nobody", "wrong")
    producer = KafkaProducer(**settings("alice", "PLAIN"), max_block_ms=5_000, retries=0)
    try:
        producer.send("secret", b"x").get(PATIENCE_S)
        seen["denied topic"] = "let in"
    except kafka.errors.TopicAuthorizationFailedError:
        seen["denied topic"] = "TOPIC_AUTHORIZATION_FAILED"
    producer.close(timeout=1)
    return seen


async def asynchronous():
    seen = {}
    context = ssl.create_default_context(cafile=AUTHORITY)

    def settings(user, mechanism, password=None):
        return {"bootstrap_servers": BROKER, "security_protocol": "SASL_SSL", "ssl_context": context,
                "sasl_mechanism": mechanism, "sasl_plain_username": user,
                "sasl_plain_password": password or PASSWORDS[user]}

    for mechanism in MECHANISMS:
        async with aiokafka.AIOKafkaProducer(**settings("alice", mechanism), enable_idempotence=True) as producer:
            await producer.send_and_wait("shop.orders", mechanism.encode())
        consumer = aiokafka.AIOKafkaConsumer("shop.orders", **settings("alice", mechanism),
                                             group_id=f"readers-async-{mechanism}", auto_offset_reset="earliest")
        async with consumer:
            message = await asyncio.wait_for(consumer.getone(), PATIENCE_S)
        seen[mechanism] = "read" if message else "nothing"

    async def refused(user, password):
        LOGGED.clear()
        producer = aiokafka.AIOKafkaProducer(**settings(user, "SCRAM-SHA-256", password))
        try:
            await producer.start()
        except aiokafka.errors.KafkaError as error:
            is_told = any("login refused" in line for line in LOGGED)
            return "refused" if is_told else f"{type(error).__name__} after {LOGGED}"
        finally:
            await producer.stop()
        return "let in"

    seen["wrong password"] = await refused("alice", "wrong")
    seen["unknown user"] = await refused("nobody", "wrong")
    async with aiokafka.AIOKafkaProducer(**settings("alice", "PLAIN")) as producer:
        try:
            await producer.send_and_wait("secret", b"x")
            seen["denied topic"] = "let in"
        except aiokafka.errors.TopicAuthorizationFailedError:
            seen["denied topic"] = "TOPIC_AUTHORIZATION_FAILED"
    return seen


ADMIN, clear = administration()
RESULT = {"confluent_kafka": librdkafka(), "kafka_python": pure_python(), "aiokafka": asyncio.run(asynchronous())}
clear()
print(json.dumps({**RESULT, "admin": ADMIN}))
