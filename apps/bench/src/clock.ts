/**
 * Milliseconds of the machine's monotonic clock. All processes of one machine see the same one, so what a child stamps can
 * be compared with what the proxy logged.
 */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
