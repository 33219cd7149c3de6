/** The runner's side of a Host, over the toolkit. */
import * as core from '@actions/core'
import { createHost, type Host, type HostSink } from './host.ts'
import { inputsFromEnvironment } from './inputs.ts'

const TITLE = 'Resumable Transfer'

const ANNOTATE = { error: core.error, warning: core.warning, notice: core.notice } as const

const SINK: HostSink = {
  kind: 'actions',
  mask: (form) => core.setSecret(form),
  line: (text) => core.info(text),
  debug: (text) => core.debug(text),
  annotation: (level, text) => ANNOTATE[level](text, { title: TITLE }),
  startGroup: (title) => core.startGroup(title),
  endGroup: () => core.endGroup(),
  output: (name, value) => core.setOutput(name, value),
  saveState: (name, value) => core.saveState(name, value),
  getState: (name) => core.getState(name),
  summary: async (markdown) => {
    try {
      await core.summary.addRaw(markdown, true).write()
    } finally {
      core.summary.emptyBuffer()
    }
  },
  exitCode: (code) => {
    process.exitCode = code
  },
  close: () => {},
}

/** Masks the secrets at once. In a post step give no inputs: nested composite actions hand it those of another step. */
export function createActionsHost(environment: Readonly<Record<string, string | undefined>>): Host {
  return createHost(SINK, { inputs: inputsFromEnvironment(environment), environment })
}
