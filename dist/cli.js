import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
import {
  createProgressTracker,
  createReporter,
  deadline,
  holdYoungHeap,
  run,
  systemClock
} from "./chunk-NTUKGGBI.js";
import {
  INPUT_ROWS,
  createHost,
  failUntilTold,
  inputRow,
  leave
} from "./chunk-ZF722SJ7.js";
import "./chunk-JNQCJRQQ.js";
import "./chunk-2A4NVA3E.js";
import "./chunk-S3JFGB2E.js";
import "./chunk-CH4BLU6L.js";
import "./chunk-GW64MRGB.js";
import "./chunk-3NB5SF6R.js";
import {
  printable
} from "./chunk-L2XN6AKA.js";
import "./chunk-BVY6T2JH.js";
import "./chunk-TIQYU5W4.js";

// src/action/cli-host.ts
import { parseArgs } from "node:util";
var PREFIX = "RESUMABLE_TRANSFER_";
function environmentName(input) {
  return `${PREFIX}${input.toUpperCase().replaceAll("-", "_")}`;
}
function parseCommandLine(argv, environment) {
  const options = Object.fromEntries(INPUT_ROWS.map((row) => [row.name, { type: "string", multiple: true }]));
  const { tokens } = parseArgs({ args: withFlagValues(argv), options, strict: false, allowPositionals: true, tokens: true });
  const inputs = /* @__PURE__ */ new Map();
  const stray = [];
  for (const token of tokens) {
    if (token.kind === "positional") stray.push(token.value);
    if (token.kind !== "option") continue;
    if (token.name === "help" || token.name === "h") return { kind: "help" };
    if (token.name === "version") return { kind: "version" };
    const before = inputRow(token.name)?.lines === void 0 ? void 0 : inputs.get(token.name);
    const value = token.value ?? "";
    inputs.set(token.name, before === void 0 ? value : `${before}
${value}`);
  }
  const unread = new Set(Object.keys(environment).filter((name) => name.startsWith(PREFIX) && environment[name] !== ""));
  for (const row of INPUT_ROWS.filter(isFromEnvironment)) {
    const value = environment[environmentName(row.name)];
    unread.delete(environmentName(row.name));
    if (value !== void 0 && value !== "" && !inputs.has(row.name)) inputs.set(row.name, value);
  }
  return { kind: "run", inputs, stray, unread: [...unread] };
}
function isFromEnvironment(row) {
  return row.secret !== void 0 || row.name === "username";
}
function isBoolean(row) {
  return row.values?.length === 2 && row.values.includes("true") && row.values.includes("false");
}
function withFlagValues(argv) {
  const flags = new Set(INPUT_ROWS.filter(isBoolean).map((row) => `--${row.name}`));
  return argv.map((word, i) => flags.has(word) && !/^(true|false)$/i.test(argv[i + 1] ?? "") ? `${word}=true` : word);
}
var INDENT = " ".repeat(6);
function helpText() {
  const flags = INPUT_ROWS.flatMap((row) => {
    const value = isBoolean(row) ? "[=true|false]" : ` ${row.values?.join("|") ?? "VALUE"}`;
    const notes = [
      row.required === void 0 ? "" : "Required.",
      row.default === null || row.default.startsWith("${{") ? "" : `Default: ${row.default}.`,
      row.lines === void 0 ? "" : "May be repeated.",
      row.secret === void 0 ? "" : `Better given as ${environmentName(row.name)} in the environment.`,
      row.name === "username" ? `Also ${environmentName(row.name)} in the environment.` : ""
    ].filter((note) => note !== "");
    return [
      `  --${row.name}${value}`,
      ...[row.description.replaceAll("`", ""), notes.join(" ")].filter((t) => t !== "").map((t) => INDENT + t)
    ];
  });
  return [
    "Usage: resumable-transfer --source FILE --destination URL [flags]",
    "       resumable-transfer --source URL --destination PATH [flags]",
    "",
    "Moves files over SFTP, FTP, FTPS and HTTP(S) and provably continues an interrupted transfer: run the same command again.",
    "Exit codes and outputs are those of the action (docs/errors.md); the outputs are printed to stdout as name=value.",
    "",
    "Flags:",
    ...flags,
    "  --help, --version",
    ""
  ].join("\n");
}
function createCliHost(world) {
  const outputs = /* @__PURE__ */ new Map();
  const states = /* @__PURE__ */ new Map();
  const { terminal: terminal2 } = world;
  const sink = {
    kind: "terminal",
    mask: () => {
    },
    line: (text) => terminal2.line(text),
    debug: () => {
    },
    annotation: (level, text) => terminal2.line(level === "notice" ? text : `${level}: ${text}`),
    startGroup: (title) => terminal2.line(title),
    endGroup: () => {
    },
    output: (name, value) => outputs.set(name, value),
    saveState: (name, value) => states.set(name, value),
    getState: (name) => states.get(name) ?? "",
    summary: () => Promise.resolve(),
    exitCode: world.setExitCode,
    close: () => {
      terminal2.live("");
      for (const [name, value] of outputs) world.stdout.write(`${name}=${printable(value)}
`);
    }
  };
  return createHost(sink, { inputs: world.inputs, environment: world.environment });
}

// src/action/terminal.ts
var ERASE = "\r\x1B[K";
var COLUMNS_DEFAULT = 80;
function createTerminal(stream) {
  const isLive = stream.isTTY === true;
  let shown = "";
  return {
    isLive,
    line(text) {
      stream.write(shown === "" ? `${text}
` : `${ERASE}${text}
${shown}`);
    },
    live(text) {
      if (!isLive) return;
      const next = fit(text, (stream.columns ?? COLUMNS_DEFAULT) - 1);
      if (next === shown) return;
      stream.write(shown === "" ? next : ERASE + next);
      shown = next;
    }
  };
}
function fit(text, width) {
  let used = 0;
  let kept = "";
  for (const character of text) {
    used += (character.codePointAt(0) ?? 0) >= 4352 && !/[\u2000-\u22ff]/.test(character) ? 2 : 1;
    if (used > width) return `${[...kept].slice(0, -1).join("")}…`;
    kept += character;
  }
  return kept;
}

// src/action/terminal-reporter.ts
var DRAW_MS = 200;
var IDLE_DRAW_MS = 1e3;
var STRETCH_MS = 3e3;
function createTerminalReporter(host, terminal2, clock, level) {
  const log = createReporter(host, clock, { level, heartbeat: !terminal2.isLive });
  return terminal2.isLive && level !== "minimal" ? withLiveLine(log, host, terminal2, clock) : log;
}
function withLiveLine(log, host, terminal2, clock) {
  const tracker = createProgressTracker();
  let drawnMs = Number.NEGATIVE_INFINITY;
  let stretchMs = clock.nowMs();
  let stop = null;
  const draw = () => {
    const now = clock.nowMs();
    const isNewStretch = now - stretchMs >= STRETCH_MS;
    const shown = tracker.names().flatMap((name) => {
      const text = tracker.line(name, now, isNewStretch);
      return text === null ? [] : [`${name}: ${text}`];
    });
    if (isNewStretch) stretchMs = now;
    drawnMs = now;
    terminal2.live(printable(host.redact(shown.join("  "))));
  };
  const tick = () => {
    draw();
    stop = clock.after(IDLE_DRAW_MS, tick);
  };
  const still = () => {
    stop?.();
    stop = null;
    terminal2.live("");
  };
  return {
    warnings: log.warnings,
    report(event) {
      tracker.take(event, clock.nowMs());
      if (event.kind === "finished" && tracker.names().length === 0) still();
      log.report(event);
      if (tracker.names().length === 0) return;
      if (stop === null) stop = clock.after(IDLE_DRAW_MS, tick);
      if (clock.nowMs() - drawnMs >= DRAW_MS) draw();
    },
    close() {
      still();
      log.close();
    }
  };
}

// src/action/version.ts
var VERSION = "0.1.0";

// src/cli.ts
if (Number(process.versions.node.split(".")[0]) < 24) {
  process.stderr.write(`Resumable Transfer needs Node 24; this is ${process.version}.
`);
  process.exit(2);
}
holdYoungHeap();
var { signal } = deadline(process);
var line = parseCommandLine(process.argv.slice(2), process.env);
var terminal = createTerminal(process.stderr);
failUntilTold((message) => terminal.line(message));
if (line.kind === "run") {
  const stray = line.stray.length === 0 ? [] : [[`${line.stray.length} argument(s) that belong to no flag`, ""]];
  const unread = line.unread.map((name) => [`${name} in the environment, which is no secret and no user name`, ""]);
  const inputs = new Map([...line.inputs, ...stray, ...unread]);
  const setExitCode = (code) => {
    process.exitCode = code;
  };
  const host = createCliHost({ inputs, environment: process.env, terminal, stdout: process.stdout, setExitCode });
  await run({ host, clock: systemClock, signal, reporter: (job) => createTerminalReporter(host, terminal, systemClock, job.logLevel) });
  host.close();
} else {
  process.stdout.write(line.kind === "help" ? helpText() : `${VERSION}
`);
  process.exitCode = 0;
}
leave();
