// mqtt.js against a broker: `node peer.mjs URL VERSION [CA]`, with the folder that holds node_modules in
// PEERS. Says what it has shown, a line each; ends with 1 at the first thing that is not so.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const mqtt = createRequire(`${process.env.PEERS}/`)('mqtt')
const [url, version, ca] = process.argv.slice(2)
const five = version === '5'
const tag = `js${process.pid}`
const base = {
  protocolVersion: five ? 5 : 4, reconnectPeriod: 0, connectTimeout: 10_000,
  ...(ca ? { ca: readFileSync(ca) } : {})
}

setTimeout(() => { console.error('it takes too long'); process.exit(1) }, 60_000).unref()

class Client {
  static async open (options = {}) {
    const self = new Client()
    self.messages = []
    self.waiting = []
    self.client = mqtt.connect(url, { ...base, clientId: `${tag}-${Math.random()}`, ...options })
    self.client.on('error', () => {})
    self.client.on('message', (topic, payload, packet) => {
      self.messages.push({ ...packet, topic, text: payload.toString() })
      self.waiting.forEach(wake => wake())
    })
    self.connack = await new Promise((resolve, reject) => {
      self.client.once('connect', resolve)
      self.client.once('error', reject)
      self.client.once('close', () => reject(new Error('closed')))
    })
    return self
  }

  // The next `count` messages, or all that came when it takes too long.
  async take (count, ms = 10_000) {
    const deadline = Date.now() + ms
    while (this.messages.length < count && Date.now() < deadline) {
      await new Promise(resolve => { this.waiting.push(resolve); setTimeout(resolve, 50) })
    }
    return this.messages.splice(0, count)
  }

  subscribe (filter, options) { return this.client.subscribeAsync(filter, options) }
  publish (topic, text, options) { return this.client.publishAsync(topic, text, options) }
  end () { return this.client.endAsync() }
  drop () { this.client.stream.destroy() }
}

const shown = {
  async 'every quality of service' () {
    const subscriber = await Client.open()
    const publisher = await Client.open()
    for (const granted of [0, 1, 2]) {
      const [answer] = await subscriber.subscribe(`${tag}/q${granted}/+`, { qos: granted })
      assert.equal(answer.qos, granted)
      for (const qos of [0, 1, 2]) {
        await publisher.publish(`${tag}/q${granted}/x`, `${qos}`, { qos })
        const [message] = await subscriber.take(1)
        assert.equal(message?.text, `${qos}`)
        assert.equal(message.qos, Math.min(qos, granted))
      }
    }
    await Promise.all([subscriber.end(), publisher.end()])
  },

  async 'retained messages' () {
    const publisher = await Client.open()
    await publisher.publish(`${tag}/kept`, 'kept', { qos: 1, retain: true })
    const late = await Client.open()
    await late.subscribe(`${tag}/kept`, { qos: 1 })
    const [message] = await late.take(1)
    assert.equal(message?.text, 'kept')
    assert.equal(message.retain, true)
    await publisher.publish(`${tag}/kept`, '', { qos: 1, retain: true })
    await late.take(1)
    const later = await Client.open()
    await later.subscribe(`${tag}/kept`, { qos: 1 })
    assert.deepEqual(await later.take(1, 300), [])
    await Promise.all([publisher.end(), late.end(), later.end()])
  },

  async 'wildcards and empty levels' () {
    const client = await Client.open()
    await client.subscribe([`${tag}/a/+/c`, `${tag}/tail/#`, `${tag}/+`])
    for (const topic of ['a//c', 'a/b/c', 'a/b/c/d', 'a/c', 'tail', 'tail/', 'tail/x/y']) {
      await client.publish(`${tag}/${topic}`, 'x', { qos: 1 })
    }
    await client.publish(`${tag}/tail/end`, 'end', { qos: 1 })
    const topics = []
    let message
    while (([message] = await client.take(1)) && message?.text !== 'end') {
      topics.push(message.topic.slice(tag.length + 1))
    }
    assert.deepEqual([...new Set(topics)], ['a//c', 'a/b/c', 'tail', 'tail/', 'tail/x/y'])
    await client.end()
  },

  async 'a will' () {
    const heir = await Client.open()
    await heir.subscribe(`${tag}/will`, { qos: 1 })
    const will = { topic: `${tag}/will`, payload: Buffer.from('gone'), qos: 1, retain: false }
    const leaving = await Client.open({ will })
    await leaving.end()
    const dying = await Client.open({ will: { ...will, payload: Buffer.from('dead') } })
    dying.drop()
    const [message] = await heir.take(1)
    assert.equal(message?.text, 'dead')
    assert.deepEqual(await heir.take(1, 200), [])
    await heir.end()
  },

  async 'a session that lasts' () {
    const lasting = {
      clientId: `${tag}-lasting`, clean: false, ...(five ? { properties: { sessionExpiryInterval: 600 } } : {})
    }
    const before = await Client.open(lasting)
    assert.equal(before.connack.sessionPresent, false)
    await before.subscribe(`${tag}/lasting`, { qos: 1 })
    await before.end()
    const publisher = await Client.open()
    for (const text of ['1', '2', '3']) await publisher.publish(`${tag}/lasting`, text, { qos: 2 })
    const after = await Client.open(lasting)
    assert.equal(after.connack.sessionPresent, true)
    assert.deepEqual((await after.take(3)).map(message => message.text), ['1', '2', '3'])
    await Promise.all([after.end(), publisher.end()])
    const fresh = await Client.open({ clientId: `${tag}-lasting`, clean: true })
    assert.equal(fresh.connack.sessionPresent, false)
    await fresh.end()
  },

  async 'a large payload' () {
    const client = await Client.open()
    await client.subscribe(`${tag}/large`, { qos: 1 })
    const large = 'x'.repeat(1 << 20)
    await client.publish(`${tag}/large`, large, { qos: 1 })
    const [message] = await client.take(1)
    assert.equal(message?.text.length, large.length)
    await client.end()
  }
}

const shownOfFive = {
  async 'properties, and a request that is answered' () {
    const service = await Client.open()
    await service.subscribe(`${tag}/service`, { qos: 1, properties: { subscriptionIdentifier: 77 } })
    const asking = await Client.open()
    await asking.subscribe(`${tag}/answers`, { qos: 1 })
    await asking.publish(`${tag}/service`, 'what?', {
      qos: 1,
      properties: {
        payloadFormatIndicator: true, messageExpiryInterval: 100, contentType: 'text/plain',
        responseTopic: `${tag}/answers`, correlationData: Buffer.from('42'),
        userProperties: { colour: ['red', 'blue'], size: '7' }
      }
    })
    const [question] = await service.take(1)
    const { properties } = question
    assert.equal(properties.contentType, 'text/plain')
    assert.equal(properties.payloadFormatIndicator, true)
    assert.equal(properties.correlationData.toString(), '42')
    assert.deepEqual({ ...properties.userProperties }, { colour: ['red', 'blue'], size: '7' })
    assert.equal(properties.subscriptionIdentifier, 77)
    assert.ok(properties.messageExpiryInterval <= 100)
    await service.publish(properties.responseTopic, 'that!', {
      qos: 1, properties: { correlationData: properties.correlationData }
    })
    const [answer] = await asking.take(1)
    assert.equal(answer?.text, 'that!')
    assert.equal(answer.properties.correlationData.toString(), '42')
    await Promise.all([service.end(), asking.end()])
  },

  async 'a shared subscription' () {
    const members = [await Client.open(), await Client.open()]
    for (const member of members) await member.subscribe(`$share/${tag}/${tag}/work`, { qos: 1 })
    const publisher = await Client.open()
    for (let number = 0; number < 20; number++) await publisher.publish(`${tag}/work`, `${number}`, { qos: 1 })
    await new Promise(resolve => setTimeout(resolve, 300))
    const shares = members.map(member => member.messages.map(message => Number(message.text)))
    assert.deepEqual(shares.flat().sort((a, b) => a - b), [...Array(20).keys()])
    assert.ok(shares.every(share => share.length > 0), 'one member had it all')
    await Promise.all([...members, publisher].map(client => client.end()))
  },

  async 'aliases both ways' () {
    const subscriber = await Client.open({ properties: { topicAliasMaximum: 5 } })
    const publisher = await Client.open({ autoAssignTopicAlias: true })
    await subscriber.subscribe(`${tag}/alias/#`, { qos: 1 })
    for (let number = 0; number < 12; number++) {
      await publisher.publish(`${tag}/alias/${number % 3}`, `${number}`, { qos: 1 })
    }
    const topics = (await subscriber.take(12)).map(message => message.topic)
    assert.deepEqual(topics, [...Array(12).keys()].map(number => `${tag}/alias/${number % 3}`))
    await Promise.all([subscriber.end(), publisher.end()])
  },

  async 'no local and retain as published' () {
    const client = await Client.open()
    await client.subscribe(`${tag}/nl`, { qos: 1, nl: true })
    await client.subscribe(`${tag}/rap`, { qos: 1, rap: true })
    await client.publish(`${tag}/nl`, 'mine', { qos: 1 })
    await client.publish(`${tag}/rap`, 'kept', { qos: 1, retain: true })
    const [message] = await client.take(1)
    assert.equal(message?.text, 'kept')
    assert.equal(message.retain, true)
    await client.publish(`${tag}/rap`, '', { qos: 1, retain: true })
    await client.end()
  }
}

for (const [name, show] of Object.entries({ ...shown, ...(five ? shownOfFive : {}) })) {
  try {
    await show()
  } catch (why) {
    console.error(`${name}: ${why.stack}`)
    process.exit(1)
  }
  console.log(name)
}
process.exit(0)
