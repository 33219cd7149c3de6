/**
 * Preload for a test process: `MUTATION=name[,name…] node --import ./test/mutation/swap.ts <test file>` takes defences away while their modules are loaded, also in
 * worker threads. Nothing in src/ knows of it.
 */
import { readFileSync, writeSync } from 'node:fs'
import { flushCompileCache, registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { editsOf } from './catalogue.ts'

const root = new URL('../../', import.meta.url)
const edits = (process.env.MUTATION ?? '').split(',').filter(Boolean).flatMap(editsOf)

// A trial is killed at its first failure, and what was compiled would only be kept at an orderly end.
if (isMainThread) setTimeout(flushCompileCache, 400).unref()

registerHooks({
  load: (url, context, nextLoad) => {
    const here = edits.filter(({ file }) => new URL(file, root).href === url)
    if (here.length === 0) return nextLoad(url, context)
    let source = readFileSync(fileURLToPath(url), 'utf8')
    for (const { file, find, replace } of here) {
      if (source.split(find).length !== 2) throw new Error(`the defence has moved: ${file} does not hold exactly once: ${find}`)
      source = source.replace(find, () => replace)
      writeSync(2, `mutation applied: ${file}\n`)
    }
    return { format: 'module-typescript', source, shortCircuit: true }
  },
})
