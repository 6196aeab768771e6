// Uses a Kafka broker as kafkajs does, and prints what it has seen as JSON. Argument: host:port.
const { Kafka, CompressionTypes, ConfigResourceTypes, logLevel } = require('kafkajs')

const kafka = new Kafka({ clientId: 'shop', brokers: [process.argv[2]], logLevel: logLevel.NOTHING })
const RECORDS = 2000

async function main() {
  const seen = {}
  const admin = kafka.admin()
  await admin.connect()
  const topic = 'orders'
  seen.created = await admin.createTopics({
    topics: [{ topic, numPartitions: 4, replicationFactor: 1, configEntries: [{ name: 'retention.ms', value: '100000' }] }],
  })
  seen.again = await admin.createTopics({ topics: [{ topic }] })
  const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: ['retention.ms'] }]
  const described = await admin.describeConfigs({ resources, includeSynonyms: false })
  seen.retention = described.resources[0].configEntries.map((entry) => entry.configValue)
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name: 'retention.ms', value: '200000' }] }],
  })
  const altered = await admin.describeConfigs({ resources, includeSynonyms: false })
  seen.altered = altered.resources[0].configEntries.map((entry) => entry.configValue)

  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (let from = 0; from < RECORDS; from += 100) {
    const messages = Array.from({ length: 100 }, (_, n) => ({
      key: `${from + n}`,
      value: `order ${from + n}`,
      headers: { shop: 'north' },
    }))
    await producer.send({ topic, acks: -1, compression: from % 200 ? CompressionTypes.GZIP : CompressionTypes.None, messages })
  }
  await producer.disconnect()
  const offsets = await admin.fetchTopicOffsets(topic)
  seen.ends = offsets.reduce((sum, partition) => sum + Number(partition.high), 0)

  // Two members of one group share the partitions.
  const groupId = 'readers'
  const values = new Set()
  let headers = true
  let all
  const done = new Promise((resolve) => (all = resolve))
  const members = [0, 1].map(() => kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 500 }))
  const shares = {}
  for (const [number, member] of members.entries()) {
    member.on(member.events.GROUP_JOIN, ({ payload }) => {
      shares[number] = (payload.memberAssignment[topic] || []).length
      if (values.size === RECORDS && shares[0] === 2 && shares[1] === 2) all()
    })
    await member.connect()
    await member.subscribe({ topics: [topic], fromBeginning: true })
    await member.run({
      eachMessage: async ({ message }) => {
        values.add(message.value.toString())
        headers &&= message.headers.shop.toString() === 'north'
        if (values.size === RECORDS && shares[0] === 2 && shares[1] === 2) all()
      },
    })
  }
  await done
  seen.values = values.size
  seen.headers = headers
  seen.shares = Object.values(shares)
  const group = (await admin.describeGroups([groupId])).groups[0]
  seen.group = [group.state, group.protocolType, group.members.length]
  for (const member of members) await member.disconnect()

  const committed = async () => {
    const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic] })
    return partitions.reduce((sum, partition) => sum + Number(partition.offset), 0)
  }
  seen.committed = await committed()
  await admin.setOffsets({ groupId, topic, partitions: [0, 1, 2, 3].map((partition) => ({ partition, offset: '5' })) })
  seen.moved = await committed()
  await admin.resetOffsets({ groupId, topic, earliest: true })
  seen.reset = await committed()

  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '10' }] })
  seen.low = (await admin.fetchTopicOffsets(topic)).find(({ partition }) => partition === 0).low
  await admin.createPartitions({ topicPartitions: [{ topic, count: 6 }] })
  seen.partitions = (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length
  seen.brokers = (await admin.describeCluster()).brokers.length
  await admin.deleteGroups([groupId])
  seen.groups = (await admin.listGroups()).groups.length
  await admin.deleteTopics({ topics: [topic] })
  seen.topics = (await admin.listTopics()).filter((name) => !name.startsWith('__'))
  await admin.disconnect()
  console.log(JSON.stringify(seen))
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
