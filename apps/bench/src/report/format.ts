/** Titles of metrics, and how their values are written. What is not here is a plain number. */
const UNITS: readonly { readonly ends: string; readonly write: (value: number) => string }[] = [
  { ends: "Ms", write: milliseconds },
  { ends: "Bytes", write: megabytes },
  { ends: "BytesPerSecond", write: (value) => `${megabytes(value)} MB/s` },
  { ends: "PerSecond", write: (value) => count(Math.round(value)) },
];

const TITLES: Readonly<Record<string, string>> = {
  requests: "requests",
  bytesIn: "MB sent",
  bytesOut: "MB received",
  roundTrips: "dependent round trips",
  firstRowMs: "open to first row",
  processStartMs: "process start to first row",
  requestsPUT: "uploads",
  commitMs: "commit",
  commitP99Ms: "p99 of commits",
  commitP999Ms: "p99.9 of commits",
  commitWorstMs: "worst commit",
  late: "late commits",
  writesPerSecond: "writes/s",
  readP99Ms: "p99 of reads, idle",
  hydratingReadP99Ms: "p99 of reads, hydrating",
  readExcessMs: "read excess",
  hydratingCommitP99Ms: "p99 of commits, hydrating",
  commitExcessMs: "commit excess",
  hydrationMs: "open to all local",
  hydrationBytesPerSecond: "rate",
  receivedBytesPerSecond: "received",
  pointReadsPerSecond: "point reads/s",
  transactionReadsPerSecond: "transaction reads/s",
  scanBytesPerSecond: "scan",
  openMs: "open",
  firstWriteMs: "open to first write",
  openAndScanMs: "open and scan",
  readsMs: "all reads",
  perReadMs: "one read, mean",
  cpuMs: "CPU, from the start",
  peakBytes: "peak memory, MB",
  peakOverBareBytes: "minus `node -e 0`, MB",
};

export function metricTitle(metric: string): string {
  return TITLES[metric] ?? metric.replace(/(Ms|Bytes)$/, "").replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

export function formatMetric(metric: string, value: number): string {
  if (metric === "bytesIn" || metric === "bytesOut") return megabytes(value);
  return UNITS.find(({ ends }) => metric.endsWith(ends))?.write(value) ?? plain(value);
}

/** How many times; with two digits that say something. */
export function formatTimes(value: number): string {
  return `${value >= 10 ? Math.round(value) : value.toPrecision(2)}×`;
}

function milliseconds(value: number): string {
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} s`;
  if (value < 0) return `-${milliseconds(-value)}`;
  if (value >= 100) return `${Math.round(value)} ms`;
  return value >= 1 ? `${value.toFixed(1)} ms` : `${value.toPrecision(2)} ms`;
}

function megabytes(value: number): string {
  const megabytes_ = value / 1e6;
  return megabytes_ >= 100 ? String(Math.round(megabytes_)) : megabytes_.toFixed(megabytes_ >= 10 ? 1 : 2);
}

const count = (value: number): string => value.toLocaleString("en-US");

function plain(value: number): string {
  return Number.isInteger(value) ? count(value) : value.toFixed(1);
}
