#!/usr/bin/env node
// subscriber.js PUB ROUTER CHANNEL [LAST STORE]: each message of a channel once, in order, behind the id LAST of STORE.
//
// It prints `ID SIZE PAYLOAD` for a message, `hole FIRST LAST WHY` for ids that have none, and `store STORE` when it
// meets a store: what it printed last says where it goes on when it is started again. Yours keeps LAST and STORE with
// its work. Ids are at most 2^53, so that a number holds them.
const { writeSync } = require('fs')
const { setTimeout: sleep } = require('timers/promises')
const { decode, encode } = require('@msgpack/msgpack')
const zmq = require('zeromq')

const PATIENCE_MS = 5000 // every request is answered in that time, or its bridge is gone
const SILENCE_MS = 6000 // a beat comes each second, or the connection has died
const [pub, router, channel] = process.argv.slice(2)
let last = Number(process.argv[5] ?? 0)
let store = process.argv[6]
let bridge, beat
let seq = 0
// Heartbeats find out that a connection has died without a word.
const dealer = new zmq.Dealer({ receiveTimeout: PATIENCE_MS, heartbeatInterval: PATIENCE_MS })

// The frames of the next message; none when none came in time.
function received (socket) {
  return socket.receive().catch(error => {
    if (error.code !== 'EAGAIN') throw error
    return []
  })
}

// Asks until it is answered well: the bridge may be gone for a while, or its Redis.
async function ask (request) {
  for (;;) {
    await dealer.send(encode({ ...request, seq: ++seq }))
    for (let reply; reply?.seq !== seq;) { // else it is to an earlier try
      const [frame] = await received(dealer)
      if (!frame) break
      reply = decode(frame)
      if (reply.seq !== seq) continue
      if (reply.ok) return reply
      if (reply.retry_ms === undefined) throw new Error(reply.message)
      await sleep(reply.retry_ms)
    }
  }
}

function write (...parts) {
  writeAll(Buffer.concat([...parts.map(part => Buffer.from(part)), Buffer.from('\n')]))
}

function writeAll (bytes) { // at once: what was printed is what it goes on behind
  for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at)
}

function work ([id, timeMs, headers, payload]) {
  write(`${id} ${payload.length} `, payload)
  last = id
}

// All that is stored above the last.
async function replay () {
  for (let more = true; more;) {
    const reply = await ask({ op: 'replay', channel, after: last })
    for (const [, first, end, why] of reply.gaps) write(`hole ${first} ${end} ${why}`)
    for (const [, envelope] of reply.messages) work(envelope)
    last = reply.next
    more = reply.more
  }
}

async function onBeat (headers, heads) {
  if (headers.store !== store) {
    write(`store ${headers.store}`)
    last = store === undefined ? last : 0 // other data
  }
  const isNew = headers.bridge !== bridge || headers.seq > beat + 5
  store = headers.store
  bridge = headers.bridge
  beat = headers.seq
  if (isNew || (heads[channel] ?? 0) > last) await replay()
}

function listen () {
  const sub = new zmq.Subscriber({ linger: 0, receiveTimeout: SILENCE_MS })
  sub.subscribe(channel, '$heads')
  sub.connect(pub)
  return sub
}

async function main () {
  dealer.connect(router)
  for (let sub = listen(); ;) {
    const [topic, frame] = await received(sub)
    if (!topic) {
      sub.close()
      sub = listen()
      continue
    }
    const envelope = decode(frame)
    if (topic.toString() === '$heads') {
      await onBeat(envelope[2], decode(envelope[3]))
    } else if (topic.toString() === channel && bridge) { // a subscription is a prefix; the first beat replays
      if (envelope[0] > last + 1) await replay()
      if (envelope[0] > last) work(envelope)
    }
  }
}

main()
