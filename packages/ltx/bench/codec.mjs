// Throughput of the codec on 4 KB text pages, in MB of page data per second (1 MB = 10^6 bytes).
// pnpm --filter @headwater/ltx bench [-- --seconds 2 --runs 5 --page-size 4096]
import { execFileSync } from "node:child_process";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import {
  Crc64,
  crc64,
  decodeLtx,
  decodePageFrame,
  encodeLtx,
  LtxEncoder,
  LtxStreamDecoder,
  mergeLtx,
  pageChecksum,
  verifyLtx,
} from "../dist/index.js";

const { values } = parseArgs({
  args: process.argv.slice(2).filter((a) => a !== "--"),
  options: {
    seconds: { type: "string", default: "0.5" },
    runs: { type: "string", default: "5" },
    "page-size": { type: "string", default: "4096" },
  },
});
const pageSize = Number(values["page-size"]);
const pageCount = Math.ceil(8_000_000 / pageSize);

/** Rows of a table with text, as SQLite would lay them out roughly: repeated words, numbers that differ, some zeros. */
function textPages() {
  let seed = 7;
  const next = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0);
  const words = "the a database page river water flows commit replica snapshot index user name mail created updated order total note".split(
    " ",
  );
  return Array.from({ length: pageCount }, (_, i) => {
    let text = "";
    while (text.length < pageSize - 200)
      text += `${i * 40}|${words[next() % words.length]} ${words[next() % words.length]}|${next()}|${words[next() % words.length]}@example.com\n`;
    const data = new Uint8Array(pageSize);
    data.set(Buffer.from(text).subarray(0, pageSize), 100);
    return { pgno: i + 1, data };
  });
}

const pages = textPages();
const header = { pageSize, commit: pageCount, minTXID: 1n, maxTXID: 1n, timestampMs: 0 };
const file = encodeLtx({ header, pages });
const [half, rest] = [pages.filter((p) => p.pgno % 2), pages.filter((p) => p.pgno % 2 === 0)];
const deltas = [half, rest].map(
  (part, i) => encodeLtx({ header: { ...header, minTXID: BigInt(i + 2), maxTXID: BigInt(i + 2) }, pages: part }).bytes,
);
const scratch = new Uint8Array(pageSize);

const cases = {
  "decode page frames, into one buffer": () => {
    for (let i = 0; i < file.index.count; i += 1) decodePageFrame(file.bytes, file.index.offsets[i], pageSize, scratch);
  },
  "decode page frames, fresh buffers": () => {
    for (let i = 0; i < file.index.count; i += 1) decodePageFrame(file.bytes, file.index.offsets[i], pageSize);
  },
  "decode and CRC (verifyLtx)": () => verifyLtx(file.bytes),
  "decode and CRC (stream, into one buffer)": () => {
    const decoder = new LtxStreamDecoder();
    decoder.push(file.bytes);
    while (decoder.next(scratch));
    decoder.finish();
  },
  "encode with CRC (LtxEncoder)": () => {
    const encoder = new LtxEncoder(header, { sizeHintBytes: file.bytes.length + 1 });
    for (const { pgno, data } of pages) encoder.addPage(pgno, data);
    encoder.finish();
  },
  "merge two files": () => mergeLtx(deltas),
  "CRC-64, 4 KB updates": () => {
    const crc = new Crc64();
    for (const { data } of pages) crc.update(data);
    crc.digest();
  },
  "CRC-64, one 8 MB call": () => crc64(file.bytes),
  "page checksums": () => {
    for (const { pgno, data } of pages) pageChecksum(pgno, data);
  },
};

if (decodeLtx(file.bytes).index.count !== pageCount) throw new Error("the benchmark's own file does not decode");

function commit() {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}

function measure(work, bytes) {
  const end = process.hrtime.bigint() + BigInt(Math.round(Number(values.seconds) * 1e9));
  const start = process.hrtime.bigint();
  let rounds = 0;
  let now = start;
  while (now < end) {
    work();
    rounds += 1;
    now = process.hrtime.bigint();
  }
  return (bytes * rounds * 1000) / Number(now - start);
}

console.log(
  `Ran ${new Date().toISOString().slice(0, 10)}, commit ${commit()}. ${cpus().length} x ${cpus()[0]?.model.trim()}, ${process.platform} ${release()}, Node ${process.versions.node}`,
);
console.log(
  `${pageCount} text pages of ${pageSize} bytes, compressed to ${((100 * file.bytes.length) / (pageCount * pageSize)).toFixed(1)} %; best and worst of ${values.runs} runs of ${values.seconds} s\n`,
);
console.log("| MB/s of page data | best | worst |\n| --- | --- | --- |");
for (const [name, work] of Object.entries(cases)) {
  const bytes = name.includes("8 MB") ? file.bytes.length : pageCount * pageSize;
  measure(work, bytes); // warm up
  const runs = Array.from({ length: Number(values.runs) }, () => measure(work, bytes));
  console.log(`| ${name} | ${Math.max(...runs).toFixed(0)} | ${Math.min(...runs).toFixed(0)} |`);
}
