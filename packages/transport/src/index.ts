export {
  isEncrypted,
  isLinkUrl,
  isLoopback,
  isWebSocket,
  parseLinkUrl,
  showLinkUrl,
  type LinkAddress,
  type LinkScheme,
} from './address.ts'
export { connectLink, listenLinks, type ListenLinksOptions } from './any-link.ts'
export type { ConnectOptions, ConnectTls } from './connect.ts'
export { TRANSPORT_VERSION } from './frame.ts'
export { LINK_LIMITS, LISTEN_LIMITS, type LinkLimits, type ListenLimits } from './limits.ts'
export type { Link, LinkHandlers, OnLink } from './link.ts'
export type { Listener, ListenOptions, ListenTls } from './listen.ts'
export { memoryLinks, type MemoryLinks, type MemoryLinksOptions } from './memory-link.ts'
export { RECONNECT_DELAYS, keepConnected, type KeepConnectedOptions, type ReconnectDelays } from './reconnect.ts'
export { connectTcp } from './tcp-connect.ts'
export { listenTcp } from './tcp-listen.ts'
export { systemTimers, type Timers } from './timers.ts'
export type { Pem } from './tls-files.ts'
export { TOKEN_BYTES_MIN, type Token } from './token.ts'
