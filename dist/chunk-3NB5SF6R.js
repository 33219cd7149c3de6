import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
import {
  TransferError
} from "./chunk-BVY6T2JH.js";

// src/remotes/proxies.ts
import { BlockList, isIP } from "node:net";
var NO_PROXIES = { proxyFor: () => null };
function proxiesOf(environment) {
  const exempt = exemptions(variableOf(environment, "no_proxy")?.value ?? "");
  return {
    proxyFor: (url) => {
      const set = variableOf(environment, url.protocol === "https:" ? "https_proxy" : "http_proxy") ?? variableOf(environment, "all_proxy");
      return set === null || exempt(url) ? null : proxyOf(set);
    }
  };
}
function proxySecrets(environment) {
  return ["http_proxy", "https_proxy", "all_proxy"].flatMap(
    (name) => [environment[name], environment[name.toUpperCase()]].flatMap((value) => {
      const [username, password] = userinfoOf(value?.trim() ?? "");
      return password === null ? [] : [password, percentDecoded(password)].map((text) => ({ text, username: percentDecoded(username) }));
    })
  );
}
function variableOf(environment, lower) {
  for (const name of [lower, lower.toUpperCase()]) {
    const value = environment[name]?.trim() ?? "";
    if (value !== "") return { name, value };
  }
  return null;
}
function proxyOf({ name, value }) {
  const refused = (what) => new TransferError("invalid-input", `the environment variable ${name} ${what}`, {
    hint: `Write it as http://host:port, or name the server in no_proxy to go there directly.`
  });
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value)?.[1]?.toLowerCase();
  if (scheme?.startsWith("socks") === true) throw refused("names a SOCKS proxy, and only HTTP proxies can be used");
  if (scheme !== void 0 && scheme !== "http" && scheme !== "https")
    throw refused(`names a proxy by ${scheme}, and only http and https can be used`);
  const address = `${scheme ?? "http"}://${value.slice(value.lastIndexOf("@") + 1).replace(/^(?:[a-z][a-z0-9+.-]*:)?\/\//i, "")}`;
  if (/[\s\0]/.test(address) || !URL.canParse(address)) throw refused("is not the address of a proxy");
  const { protocol, host } = new URL(address);
  const url = new URL(`${protocol}//${host}`);
  if (url.hostname === "" || url.port === "0") throw refused("is not the address of a proxy");
  const [username, password] = userinfoOf(value);
  const pair = `${percentDecoded(username)}:${percentDecoded(password ?? "")}`;
  return { url, authorization: username === "" && password === null ? null : `Basic ${Buffer.from(pair).toString("base64")}` };
}
function userinfoOf(value) {
  const authority = value.replace(/^(?:[a-z][a-z0-9+.-]*:)?\/\//i, "");
  const userinfo = authority.slice(0, Math.max(0, authority.lastIndexOf("@")));
  const cut = userinfo.indexOf(":");
  return cut < 0 ? [userinfo, null] : [userinfo.slice(0, cut), userinfo.slice(cut + 1)];
}
function percentDecoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
function exemptions(list) {
  const entries = list.toLowerCase().split(/[\s,]+/).filter((entry) => entry !== "").map(exemption);
  return (url) => {
    const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "").toLowerCase();
    const port = url.port === "" ? url.protocol === "https:" ? "443" : "80" : url.port;
    return entries.some((entry) => (entry.port === null || entry.port === port) && entry.fits(host));
  };
}
function exemption(entry) {
  const [, bracketed, plain = "", port = null] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [entry, void 0, entry];
  const name = bracketed ?? plain;
  if (name === "*") return { port, fits: () => true };
  const [address = "", bits] = name.split("/");
  const family = isIP(address);
  if (family !== 0) {
    const kind = family === 6 ? "ipv6" : "ipv4";
    const width = family === 6 ? 128 : 32;
    const prefix = bits === void 0 ? width : Number(bits);
    if (!Number.isInteger(prefix) || bits === "" || prefix > width || prefix < 0) return { port, fits: () => false };
    const network = new BlockList();
    network.addSubnet(address, prefix, kind);
    return { port, fits: (host) => isIP(host) !== 0 && network.check(host, isIP(host) === 6 ? "ipv6" : "ipv4") };
  }
  const domain = name.replace(/^\*?\./, "").replace(/\.$/, "");
  if (domain === "") return { port, fits: () => false };
  return { port, fits: (host) => host === domain || host.endsWith(`.${domain}`) };
}

export {
  NO_PROXIES,
  proxiesOf,
  proxySecrets
};
