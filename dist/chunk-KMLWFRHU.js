import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);

// src/remotes/reach.ts
import { lookup as systemLookup } from "node:dns";
import { isIP, isIPv6, setDefaultAutoSelectFamilyAttemptTimeout } from "node:net";
var NEXT_AFTER_MS = 250;
var ALONE_MS = 5e3;
setDefaultAutoSelectFamilyAttemptTimeout(ALONE_MS);
function reach(place, make) {
  return new Race(place, make);
}
var Race = class {
  connected;
  #place;
  #make;
  #attempts = [];
  #addresses = [];
  #timer;
  #resolve = () => {
  };
  #reject = () => {
  };
  #over = false;
  constructor(place, make) {
    this.#place = place;
    this.#make = make;
    this.connected = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.connected.catch(() => {
    });
    addressesOf(place).then(
      (addresses) => {
        this.#addresses = addresses;
        this.#next();
      },
      (error) => this.stop(error)
    );
  }
  stop(error) {
    if (this.#over) return;
    this.#finish(null);
    this.#reject(error);
  }
  tried() {
    return this.#attempts.length < 2 ? "" : ` (${this.#attempts.map(({ address, error }) => `${address}: ${reasonOf(error)}`).join(", ")})`;
  }
  #next() {
    if (this.#over) return;
    clearTimeout(this.#timer);
    const address = this.#addresses.shift();
    if (address === void 0) return;
    const made = this.#make();
    const { socket } = made;
    const attempt = { address, socket, error: null };
    this.#attempts.push(attempt);
    socket.on("error", (error) => this.#failed(attempt, error));
    socket.once("connect", () => {
      if (this.#over) return;
      this.#finish(socket);
      this.#resolve(made);
    });
    socket.connect({ host: address, port: this.#place.port });
    if (this.#addresses.length > 0) this.#timer = setTimeout(() => this.#next(), NEXT_AFTER_MS);
  }
  #failed(attempt, error) {
    attempt.error ??= error;
    if (this.#over) return;
    if (this.#addresses.length > 0) this.#next();
    else if (this.#attempts.every((one) => one.error !== null)) this.stop(this.#failure());
  }
  #finish(winner) {
    this.#over = true;
    clearTimeout(this.#timer);
    for (const { socket } of this.#attempts) if (socket !== winner) socket.destroy();
  }
  #failure() {
    const errors = this.#attempts.flatMap(({ error }) => error ?? []);
    const [only] = errors;
    if (only !== void 0 && errors.length === 1) return only;
    const codes = errors.map(codeOf);
    const code = codes.find((one) => !NO_WAY.has(one)) ?? codes[0];
    const message = `cannot connect to ${this.#place.host} port ${this.#place.port}${this.tried()}`;
    return Object.assign(new AggregateError(errors, message), { code, syscall: "connect" });
  }
};
var NO_WAY = /* @__PURE__ */ new Set(["ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT", "EINVAL", "EACCES", "EPERM"]);
async function addressesOf({ host, lookup = systemLookup }) {
  if (isIP(host) !== 0) return [host];
  const found = await new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses2) => {
      if (error !== null) reject(error);
      else resolve(typeof addresses2 === "string" ? [addresses2] : addresses2.map(({ address }) => address));
    });
  });
  const first = found.filter((address) => isIPv6(address) === isIPv6(found[0] ?? ""));
  const second = found.filter((address) => !first.includes(address));
  const byTurns = Array.from({ length: Math.max(first.length, second.length) }, (_, i) => [first[i], second[i]]);
  const addresses = byTurns.flat().filter((address) => address !== void 0);
  if (addresses.length === 0) throw Object.assign(new Error(`no address of ${host} is known`), { code: "ENOTFOUND" });
  return [...new Set(addresses)];
}
function codeOf(error) {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
function reasonOf(error) {
  return error === null ? "no answer" : codeOf(error) || error.message;
}
function messageOf(error) {
  if (!(error instanceof Error)) return foreignMessage(error);
  if (error.message !== "" || !(error instanceof AggregateError)) return error.message || codeOf(error);
  const parts = error.errors.map((part) => {
    const [address, port] = part instanceof Error && "address" in part && "port" in part ? [part.address, part.port] : [];
    return address === void 0 ? messageOf(part) : `${String(address)} port ${String(port)}: ${codeOf(part)}`;
  });
  return `cannot connect (${parts.join(", ")})`;
}
function foreignMessage(thrown) {
  if (typeof thrown !== "object" || thrown === null) return String(thrown);
  return "message" in thrown && typeof thrown.message === "string" ? thrown.message : "";
}

export {
  reach,
  messageOf
};
