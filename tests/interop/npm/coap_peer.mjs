// npm's coap as a server and as a client, told what to do by lines of JSON: `node coap_peer.mjs`, with
// the folder that holds node_modules in PEERS. Each line in has an `id`; lines out bear the same.
// Payloads are hexadecimal. `listen` makes a server with the resources of the ETSI plugtests, `ask` a
// request, `watch` an observation, which `cancel` ends with a word and `drop` without.
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const coap = createRequire(`${process.env.PEERS}/`)('coap')
const say = line => process.stdout.write(`${JSON.stringify(line)}\n`)
const hex = octets => Buffer.from(octets ?? []).toString('hex')

// ---- the server

const large = title => title + Array.from({ length: 40 }, (_, n) => `\n${n}: no single block can hold this`).join('')
// npm's coap takes an ETag for text, so it has to be text.
const tagOf = text => Buffer.from(createHash('sha256').update(text).digest('hex').slice(0, 8))

class Resources {
  constructor (period) {
    this.stored = { '/validate': 'with an entity-tag', '/large-update': large('old'), '/test': 'a test' }
    this.formats = {}
    this.observers = new Map() // token and address -> { path, stream }
    this.count = 0
    this.created = 0
    this.timer = setInterval(() => { this.count++; this.tell('/obs', '/obs-non', '/obs-large') }, period * 1000)
  }

  state (path) {
    if (path in this.stored) return this.stored[path]
    const text = `${path.slice(1)} ${this.count}`
    return path === '/obs-large' ? large(text) : text
  }

  tell (...paths) {
    for (const { path, stream } of this.observers.values()) if (paths.includes(path)) stream.write(this.state(path))
  }

  forget (key) {
    this.observers.get(key)?.stream.end()
    this.observers.delete(key)
  }

  get (path, request, answer) {
    if (path === '/.well-known/core') return this.discover(request, answer)
    if (path.startsWith('/obs')) return this.observe(path, request, answer)
    if (this.stored[path] === null) return answer('4.04')
    if (path in this.stored) {
      const tag = tagOf(this.stored[path])
      const known = request.options.some(({ name, value }) => name === 'ETag' && tag.equals(Buffer.from(value)))
      return answer(known ? '2.03' : '2.05', known ? '' : this.stored[path], { ETag: tag })
    }
    const fixed = {
      '/': 'npm coap for the plugtests', '/seg1/seg2/seg3': 'three segments', '/large': large('large'),
      '/query': request.options.filter(({ name }) => name === 'Uri-Query').map(({ value }) => value).join('\n'),
      '/path/sub1': '/path/sub1', '/path/sub2': '/path/sub2', '/alternate': this.stored['/test']
    }
    if (path in fixed) return answer('2.05', fixed[path])
    if (path === '/separate') return setTimeout(() => answer('2.05', 'this came separately'), 600)
    if (path === '/path') return answer('2.05', '</path/sub1>,</path/sub2>', { 'Content-Format': 40 })
    if (path === '/multi-format') {
      const xml = request.headers.Accept === 'application/xml'
      return answer('2.05', xml ? '<text/>' : 'text', { 'Content-Format': xml ? 41 : 0 })
    }
    answer('4.04')
  }

  discover (request, answer) {
    const links = [
      ['/test', {}], ['/link1', { rt: 'Type1 Type2', if: 'If1' }], ['/link2', { rt: 'Type2 Type3', if: 'If2' }],
      ['/link3', { rt: 'Type1 Type3', if: 'foo' }], ['/large', { sz: '1700' }], ['/path', { ct: '40' }],
      ['/alternate', { rel: 'alternate', anchor: '/test' }], ['/obs', { obs: '' }]
    ]
    const filter = request.options.find(({ name }) => name === 'Uri-Query')?.value.toString()
    const [key, ...rest] = (filter ?? '').split('=')
    const wanted = rest.join('=')
    const fits = word => wanted.endsWith('*') ? word.startsWith(wanted.slice(0, -1)) : word === wanted
    const found = links.filter(([target, attributes]) => !filter ||
      (key === 'href' ? [target] : (attributes[key] ?? null)?.split(' ') ?? []).some(fits))
    answer('2.05', found.map(([target, attributes]) => `<${target}>` +
      Object.entries(attributes).map(([name, value]) => value ? `;${name}="${value}"` : `;${name}`).join('')
    ).join(','), { 'Content-Format': 40 })
  }

  observe (path, request, answer) {
    const key = `${request._packet.token.toString('hex')}/${request.rsinfo.address}:${request.rsinfo.port}`
    if (request.headers.Observe === 1) this.forget(key)
    if (request.headers.Observe !== 0) return answer('2.05', this.state(path))
    const stream = answer.response
    this.observers.set(key, { path, stream })
    stream.on('finish', () => this.observers.delete(key))
    stream.setOption('Content-Format', 0)
    stream.setOption('Max-Age', 2)
    stream.write(this.state(path))
  }

  put (path, request, answer) {
    const now = this.stored[path] ?? null
    const conditions = request.options.filter(({ name }) => name === 'If-Match').map(({ value }) => value)
    if (conditions.length && (now === null || !conditions.some(tag => tagOf(now).equals(tag)))) return answer('4.12')
    if (request.options.some(({ name }) => name === 'If-None-Match') && now !== null) return answer('4.12')
    this.stored[path] = request.payload.toString()
    const format = request.headers['Content-Format'] ?? 'text/plain'
    answer(now === null && !path.startsWith('/obs') ? '2.01' : '2.04')
    if (path.startsWith('/obs') && format !== 'text/plain') this.finish(path, '4.06')
    this.tell(path)
  }

  // The last notification, of an observation that is over.
  finish (path, code) {
    for (const [key, { path: observed, stream }] of this.observers) {
      if (observed !== path) continue
      stream.statusCode = code
      stream._packet.options = []
      stream._doSend(Buffer.alloc(0))
      this.observers.delete(key)
    }
  }

  delete (path, request, answer) {
    this.stored[path] = null
    answer('2.02')
    if (path.startsWith('/obs')) this.finish(path, '4.04')
  }

  post (path, request, answer) {
    const body = request.payload.toString()
    if (path === '/location-path') {
      return answer('2.01', '', { 'Location-Path': ['location1', 'location2', 'location3'].map(Buffer.from) })
    }
    if (path === '/location-query') {
      return answer('2.01', '', { 'Location-Query': ['first=1', 'second=2'].map(part => Buffer.from(part)) })
    }
    if (path === '/large-create') {
      const name = `${++this.created}`
      this.stored[`${path}/${name}`] = body
      return answer('2.01', '', { 'Location-Path': ['large-create', name].map(part => Buffer.from(part)) })
    }
    if (path === '/large-post') return answer('2.04', large(`${body.length} octets`))
    answer('2.04')
  }
}

function listen ({ id, period }) {
  const resources = new Resources(period)
  const server = coap.createServer({ sendAcksForNonConfirmablePackets: true }, (request, response) => {
    const answer = (code, body = '', options = {}) => {
      response.code = response.statusCode = code
      if (body && !options['Content-Format']) response.setOption('Content-Format', 0)
      for (const [name, value] of Object.entries(options)) response.setOption(name, value)
      response.end(Buffer.from(body))
    }
    answer.response = response
    if (request._packet.options.some(({ name }) => name === 'Block1')) {
      // What was put together is acknowledged with the last block's number.
      response.setOption('Block1', request._packet.options.find(({ name }) => name === 'Block1').value)
    }
    const path = '/' + request.options.filter(({ name }) => name === 'Uri-Path').map(({ value }) => value).join('/')
    const handler = resources[request.method.toLowerCase()]
    if (!handler) return answer('4.05')
    handler.call(resources, path, request, answer)
  })
  server.on('error', why => say({ id, trouble: String(why) }))
  server.listen(0, '127.0.0.1', () => say({ id, port: server._sock.address().port }))
  opened.set(id, () => { clearInterval(resources.timer); server.close() })
}

// ---- the client

const opened = new Map() // id -> how to close it

function begin (line) {
  const agent = new coap.Agent({ type: 'udp4' })
  const request = agent.request({
    hostname: '127.0.0.1', port: line.port, method: line.method, pathname: line.path, query: line.query?.join('&'),
    confirmable: line.con, observe: line.do === 'watch' ? 0 : undefined,
    token: line.token ? Buffer.from(line.token, 'hex') : undefined
  })
  for (const [name, value] of line.options ?? []) {
    request.setOption(name, value === null ? Buffer.alloc(0) : typeof value === 'number' ? value : Buffer.from(value, 'hex'))
  }
  request.on('error', why => say({ id: line.id, failed: String(why) }))
  request.on('timeout', why => say({ id: line.id, failed: String(why) }))
  return { agent, request }
}

function ask (line) {
  const { agent, request } = begin(line)
  request.on('response', response => {
    say({ id: line.id, code: response.code, payload: hex(response.payload) })
    setTimeout(() => agent.close(), 500)
  })
  request.end(Buffer.from(line.payload ?? '', 'hex'))
}

function watch (line) {
  const { agent, request } = begin(line)
  request.on('response', response => {
    say({ id: line.id, heard: hex(response.payload), code: response.code })
    let first = true
    response.on('data', payload => {
      if (!first) say({ id: line.id, heard: hex(payload), code: response.code })
      first = false
    })
    opened.set(line.id, polite => {
      if (polite) {
        // An agent without requests closes its socket before the cancellation is sent.
        agent._requests++
        return response.close(true)
      }
      agent._sock?.close()
      agent._sock = null
    })
  })
  request.end()
}

const verbs = {
  listen,
  ask,
  watch,
  cancel: ({ of }) => opened.get(of)?.(true),
  drop: ({ of }) => opened.get(of)?.(false)
}

createInterface({ input: process.stdin }).on('line', text => {
  const line = JSON.parse(text)
  try {
    verbs[line.do](line)
  } catch (why) {
    say({ id: line.id, failed: String(why.stack) })
  }
}).on('close', () => process.exit(0))
process.on('uncaughtException', why => say({ id: 0, failed: String(why.stack) }))
