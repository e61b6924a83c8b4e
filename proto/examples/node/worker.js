#!/usr/bin/env node
// worker.js ROUTER CHANNEL NAME: works on a channel's messages, each done by one of the workers.
//
// It prints `ID ATTEMPT SIZE PAYLOAD` for its work. A payload that begins with `fail` fails until its third attempt.
const { writeSync } = require('fs')
const { setTimeout: sleep } = require('timers/promises')
const { decode, encode } = require('@msgpack/msgpack')
const zmq = require('zeromq')

const WAIT_MS = 2000
const PATIENCE_MS = 5000 + WAIT_MS // every request is answered in that time, or its bridge is gone
const [router, channel, name] = process.argv.slice(2)
// Heartbeats find out that a connection has died without a word.
const dealer = new zmq.Dealer({ receiveTimeout: PATIENCE_MS, heartbeatInterval: PATIENCE_MS })
let seq = 0

// Asks until it is answered well: the bridge may be gone for a while, or its Redis.
async function ask (request) {
  for (;;) {
    await dealer.send(encode({ ...request, seq: ++seq }))
    for (let reply; reply?.seq !== seq;) { // else it is to an earlier try
      const [frame] = await dealer.receive().catch(error => {
        if (error.code !== 'EAGAIN') throw error
        return []
      })
      if (!frame) break
      reply = decode(frame)
      if (reply.seq !== seq) continue
      if (reply.ok) return reply
      if (reply.retry_ms === undefined) throw new Error(reply.message)
      await sleep(reply.retry_ms)
    }
  }
}

// May run again for a message whose ack did not come through in time: see to it that this does no harm.
function work (id, payload, attempt) {
  const line = Buffer.concat([Buffer.from(`${id} ${attempt} ${payload.length} `), payload, Buffer.from('\n')])
  for (let at = 0; at < line.length;) at += writeSync(1, line, at)
  if (Buffer.from(payload).toString().startsWith('fail') && attempt < 3) throw new Error('it failed')
}

async function main () {
  dealer.connect(router)
  await ask({ op: 'release', channel, consumer: name }) // what it held when it was killed
  for (;;) {
    const taken = await ask({ op: 'take', channels: [channel], max: 10, wait_ms: WAIT_MS, consumer: name })
    for (const [, [id, , , payload], lease, attempt] of taken.messages) {
      const settle = { channel, items: [[id, lease]] }
      let failure
      try {
        work(id, payload, attempt)
      } catch (error) {
        failure = error
      }
      if (failure) await ask({ op: 'nack', reason: failure.message, delay_ms: 100, ...settle })
      else await ask({ op: 'ack', ...settle }) // a `stale` in the answer: it took too long, and another has it
    }
  }
}

main()
