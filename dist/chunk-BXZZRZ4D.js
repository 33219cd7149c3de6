import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
import {
  createHost,
  inputsFromEnvironment
} from "./chunk-ZF722SJ7.js";
import {
  debug,
  endGroup,
  error,
  getState,
  info,
  notice,
  saveState,
  setOutput,
  setSecret,
  startGroup,
  summary,
  warning
} from "./chunk-IGAZWJKT.js";

// src/action/workflow-commands.ts
var TITLE = "Resumable Transfer";
var ANNOTATE = { error, warning, notice };
var SINK = {
  kind: "actions",
  mask: (form) => setSecret(form),
  line: (text) => info(text),
  debug: (text) => debug(text),
  annotation: (level, text) => ANNOTATE[level](text, { title: TITLE }),
  startGroup: (title) => startGroup(title),
  endGroup: () => endGroup(),
  output: (name, value) => setOutput(name, value),
  saveState: (name, value) => saveState(name, value),
  getState: (name) => getState(name),
  summary: async (markdown) => {
    try {
      await summary.addRaw(markdown, true).write();
    } finally {
      summary.emptyBuffer();
    }
  },
  exitCode: (code) => {
    process.exitCode = code;
  },
  close: () => {
  }
};
function createActionsHost(environment) {
  return createHost(SINK, { inputs: inputsFromEnvironment(environment), environment });
}

export {
  createActionsHost
};
