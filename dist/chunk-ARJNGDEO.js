import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);

// src/action/cache-availability.ts
import { isIP } from "node:net";
function cacheAvailability(environment) {
  const obstacle = obstacleTo(environment);
  if (obstacle !== null) return { available: false, readable: false, writable: false, reason: obstacle };
  const mode = rightsOfMode(environment.ACTIONS_CACHE_MODE ?? "");
  const token = rightsOfToken(environment.ACTIONS_RUNTIME_TOKEN ?? "");
  const readable = mode.readable && token.readable;
  const writable = mode.writable && token.writable;
  const limit = mode.readable && mode.writable ? "this run's cache token" : "the workflow's cache-mode";
  return { available: readable || writable, readable, writable, reason: reasonFor(readable, writable, limit) };
}
function reasonFor(readable, writable, limit) {
  if (readable && writable) return null;
  if (readable) return `${limit} allows reading only, so progress of this run is not saved in the Actions cache`;
  if (writable) return `${limit} allows writing only, so progress of earlier runs is not read from the Actions cache`;
  return `${limit} does not allow use of the Actions cache`;
}
function obstacleTo(environment) {
  const server = parseUrl(environment.GITHUB_SERVER_URL || "https://github.com");
  if (server === null) return "GITHUB_SERVER_URL is not a URL";
  if (!isHostedByGitHub(server.hostname)) return "GitHub Enterprise Server has only the older cache service, which is not supported";
  const base = environment.ACTIONS_RESULTS_URL ?? "";
  if (base === "" || (environment.ACTIONS_RUNTIME_TOKEN ?? "") === "") return "the runner gives this step no access to the Actions cache";
  if ((environment.ACTIONS_CACHE_SERVICE_V2 ?? "") === "") return "this runner has only the older cache service, which is not supported";
  const url = parseUrl(base);
  if (url === null) return "ACTIONS_RESULTS_URL is not a URL";
  return isTrustedTransport(url) ? null : "ACTIONS_RESULTS_URL is not https, and the cache token is not sent in clear over the internet";
}
function isHostedByGitHub(hostname) {
  return hostname === "github.com" || hostname.endsWith(".ghe.com") || hostname.endsWith(".localhost");
}
function parseUrl(text) {
  return URL.canParse(text) ? new URL(text) : null;
}
function isTrustedTransport(url) {
  return url.protocol === "https:" || url.protocol === "http:" && isPrivateHost(url.hostname);
}
function isPrivateHost(hostname) {
  const host = hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) === 4) return /^(127|10)\.|^192\.168\.|^172\.(1[6-9]|2\d|3[01])\./.test(host);
  if (isIP(host) === 6) return host === "::1" || /^f[cd]/.test(host);
  return host === "localhost" || host.endsWith(".localhost");
}
function rightsOfMode(mode) {
  switch (mode.trim().toLowerCase()) {
    case "none":
      return { readable: false, writable: false };
    case "read":
      return { readable: true, writable: false };
    case "write-only":
      return { readable: false, writable: true };
    default:
      return { readable: true, writable: true };
  }
}
function rightsOfToken(token) {
  const permissions = permissionsIn(token);
  if (permissions === null) return { readable: true, writable: true };
  return { readable: permissions.some((p) => (p & 1) !== 0), writable: permissions.some((p) => (p & 2) !== 0) };
}
function permissionsIn(token) {
  const payload = token.split(".")[1];
  if (payload === void 0) return null;
  try {
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
    if (typeof claims !== "object" || claims === null || !("ac" in claims) || typeof claims.ac !== "string") return null;
    const scopes = JSON.parse(claims.ac);
    return Array.isArray(scopes) ? scopes.map((scope) => Number(scope?.Permission)) : null;
  } catch {
    return null;
  }
}

export {
  cacheAvailability,
  parseUrl,
  isTrustedTransport
};
