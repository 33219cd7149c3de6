/** Of the release; package.json says the same (test/tidy.test.ts). */
export const VERSION = '0.1.0'
