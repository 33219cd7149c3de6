import { leave } from './action/ending.ts'
import { finish } from './action/finish.ts'
import { createActionsHost } from './action/workflow-commands.ts'

// Without the inputs: in nested composite actions the runner gives post those of another step.
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('INPUT_')))
await finish(createActionsHost(environment))
leave()
