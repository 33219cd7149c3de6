// The package has no types of its own; this declares the part that connection.ts uses.
declare module 'ssh2-sftp-client' {
  import type { Client, ConnectConfig, SFTPWrapper } from 'ssh2'

  interface Listeners {
    error(error: Error): void
    end(): void
    close(): void
  }

  class SftpClient {
    constructor(name: string, listeners: Listeners)
    /** The ssh2 connection underneath. */
    readonly client: Client
    connect(config: ConnectConfig): Promise<SFTPWrapper>
  }
  export = SftpClient
}
