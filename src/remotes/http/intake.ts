/** What one exchange is asked for, and what comes of it. */
import type { Body, Sink } from '../remote.ts'
import type { Reply } from './headers.ts'
import type { Target } from './location.ts'

export interface ExchangeRequest {
  readonly method: string
  readonly target: Target
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Body | string
  /** Told the bytes handed to the network so far. */
  readonly sent?: (total: number) => void
  /** Added to the silence that is allowed before the reply: once all is sent, a server may work on. */
  readonly lastWordMs?: number
  readonly redact: (text: string) => string
}

/** What to do with the body of a reply. */
export type Intake =
  /** Exactly `length` bytes, or as many as the framing says (null). What comes beyond is a broken promise, or is cut off. */
  | { readonly kind: 'deliver'; readonly sink: Sink; readonly length: number | null; readonly beyond: 'protocol' | 'cut' }
  | { readonly kind: 'excerpt' }
  /** End the connection rather than read it. */
  | { readonly kind: 'drop' }

export const EXCERPT: Intake = { kind: 'excerpt' }

export interface Finished {
  readonly reply: Reply
  /** Beginning of an unwanted body as plain words. */
  readonly excerpt: string
  /** The whole request body had been handed over before the reply ended. */
  readonly requestSent: boolean
  /** A byte of the request body had been asked for. */
  readonly bodyStarted: boolean
}

/** Decides on a reply's header. May throw; that ends the exchange. */
export type Accept = (reply: Reply) => Intake
