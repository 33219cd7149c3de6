import { createRequire as requireFrom } from 'node:module';
const require = requireFrom(import.meta.url);

// src/core/block-check.ts
import { createCipheriv, createSecretKey } from "node:crypto";
var CHECK_HEX_LENGTH = 32;
function blockCheck(keyHex) {
  const key = createSecretKey(Buffer.from(keyHex, "hex"));
  const nonce = Buffer.alloc(12);
  return (bytes) => {
    const mac = createCipheriv("aes-128-gcm", key, nonce);
    mac.setAAD(bytes);
    mac.final();
    return mac.getAuthTag().toString("hex");
  };
}

export {
  CHECK_HEX_LENGTH,
  blockCheck
};
