/** A host that keeps what it prints. */
import { createHost, type Host, type HostSink } from '../../src/action/host.ts'

export interface PrintingHost {
  readonly host: Host
  /** Lines, annotations and the summary. */
  readonly out: readonly string[]
}

export function printingHost(inputs: Readonly<Record<string, string>>): PrintingHost {
  const out: string[] = []
  const keep = (text: string): void => void out.push(text)
  const silent = (): void => {}
  const sink: HostSink = {
    kind: 'actions',
    mask: silent,
    line: keep,
    debug: keep,
    annotation: (_level, text) => keep(text),
    startGroup: keep,
    endGroup: silent,
    output: silent,
    saveState: silent,
    getState: () => '',
    summary: async (markdown) => keep(markdown),
    exitCode: silent,
    close: silent,
  }
  return { host: createHost(sink, { inputs: new Map(Object.entries(inputs)), environment: {} }), out }
}
