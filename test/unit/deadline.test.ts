import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { deadline } from '../../src/action/deadline.ts'
import { TransferError } from '../../src/core/errors.ts'

for (const name of ['SIGINT', 'SIGTERM', 'SIGBREAK'])
  test(`${name} aborts as stopped, and says which signal it was`, () => {
    const source = new EventEmitter()
    const { signal } = deadline(source)
    assert.equal(signal.aborted, false)
    source.emit(name)
    assert.ok(signal.reason instanceof TransferError)
    assert.equal(signal.reason.kind, 'stopped')
    assert.match(signal.reason.message, new RegExp(name))
  })

test('the first signal is the reason, the next ones are taken and change nothing', () => {
  const source = new EventEmitter()
  const { signal } = deadline(source)
  source.emit('SIGINT')
  const reason: unknown = signal.reason
  assert.equal(source.emit('SIGINT'), true)
  assert.equal(source.emit('SIGTERM'), true)
  assert.equal(signal.reason, reason)
})

test('dispose takes every listener away and leaves others alone', () => {
  const source = new EventEmitter()
  const other = (): void => undefined
  source.on('SIGINT', other)
  const stop = deadline(source)
  stop.dispose()
  stop.dispose()
  assert.deepEqual(source.listeners('SIGINT'), [other])
  assert.equal(source.listenerCount('SIGTERM') + source.listenerCount('SIGBREAK'), 0)
  source.emit('SIGINT')
  assert.equal(stop.signal.aborted, false)
})

test('a real process survives two SIGINTs and a SIGTERM and ends by itself', {
  skip: process.platform === 'win32' ? 'no POSIX signals' : false,
}, async () => {
  const module = fileURLToPath(new URL('../../src/action/deadline.ts', import.meta.url))
  const script = `
    const { deadline } = await import(${JSON.stringify(module)})
    const stop = deadline(process)
    process.stdin.on('data', () => { stop.dispose(); process.exit(stop.signal.reason.kind === 'stopped' ? 42 : 1) })
    stop.signal.addEventListener('abort', () => console.log('stopping'))
    console.log('ready')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    await once(child.stdout, 'data')
    const stopping = once(child.stdout, 'data')
    child.kill('SIGINT')
    await stopping
    child.kill('SIGINT')
    child.kill('SIGTERM')
    child.stdin.write('end\n')
    assert.deepEqual(await once(child, 'exit'), [42, null])
  } finally {
    child.kill('SIGKILL')
  }
})
