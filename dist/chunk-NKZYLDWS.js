import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);
import {
  cacheAvailability,
  isTrustedTransport,
  parseUrl
} from "./chunk-ARJNGDEO.js";
import "./chunk-TIQYU5W4.js";
export {
  cacheAvailability,
  isTrustedTransport,
  parseUrl
};
