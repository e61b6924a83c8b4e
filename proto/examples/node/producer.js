#!/usr/bin/env node
// producer.js push PULL CHANNEL: sends each line of its input as a message, and hears no more of it.
// producer.js publish ROUTER CHANNEL: the same, and prints the id of each when Redis has it.
const { randomUUID } = require('crypto')
const { setTimeout: sleep } = require('timers/promises')
const { decode, encode } = require('@msgpack/msgpack')
const zmq = require('zeromq')

const PATIENCE_MS = 5000 // every request is answered in that time, or its bridge is gone
const [how, endpoint, channel] = process.argv.slice(2)
const heartbeatInterval = PATIENCE_MS // finds out that a connection has died without a word
const socket = how === 'push'
  ? new zmq.Push({ heartbeatInterval })
  : new zmq.Dealer({ heartbeatInterval, receiveTimeout: PATIENCE_MS })
let seq = 0

// Asks until it is answered well: the bridge may be gone for a while, or its Redis.
async function ask (request) {
  for (;;) {
    await socket.send(encode({ ...request, seq: ++seq }))
    for (let reply; reply?.seq !== seq;) { // else it is to an earlier try
      const [frame] = await socket.receive().catch(error => {
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

async function * lines (input) {
  let rest = Buffer.alloc(0)
  for await (const chunk of input) {
    rest = Buffer.concat([rest, chunk])
    for (let end; (end = rest.indexOf('\n')) >= 0; rest = rest.subarray(end + 1)) yield rest.subarray(0, end)
  }
  if (rest.length > 0) yield rest
}

async function main () {
  const me = randomUUID()
  let number = 0
  socket.connect(endpoint)
  for await (const payload of lines(process.stdin)) {
    if (how === 'push') {
      await socket.send([channel, payload])
    } else { // with a msg_id it is stored once, however often it is sent
      const headers = { msg_id: `${me}-${number++}` }
      const reply = await ask({ op: 'publish', channel, payload, headers })
      process.stdout.write(`${reply.ids[0]}\n`)
    }
  }
  socket.close() // what it has not sent yet goes out before the program ends
}

main()
