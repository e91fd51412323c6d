import path from "node:path";
import { type FileHandle, formatTXID, HeadwaterError } from "@headwater/core";
import { nodeFileSystem, systemRuntime } from "@headwater/core/node";
import { SharedState } from "@headwater/engine";
import { createLayout, listReplica, openView, PageReader, planRestore, storeRangeReader, type View } from "@headwater/replica";
import { makeStore } from "@headwater/vfs";
import { inspectBuffer as inspect, UnsyncedCommits } from "@headwater/write-buffer";
import { resolveOptions } from "../options/resolve.js";
import type { Credentials, Options, TXID } from "../types.js";
import { identityUrl } from "./identity-url.js";

/** What {@link inspectBuffer} tells. */
export interface BufferContents {
  /** The replica that the buffer belongs to, without credentials. */
  readonly url: string;
  /** Who wrote it: `host:pid:writer-id`. */
  readonly owner: string;
  readonly pageSize: number;
  /** The transaction of the replica that its commits build on. */
  readonly baseTxid: TXID;
  /** Commits that are not certain to be in the replica. */
  readonly transactions: number;
  /** Distinct pages that they changed. */
  readonly pages: number;
  /** Of the commit log. */
  readonly bytes: number;
}

export interface ExportOptions {
  /** Of the replica; default: what the buffer's header says. */
  readonly url?: string | URL;
  readonly store?: Options["store"];
}

/** Pages that are read from the replica at once. */
const PAGES_AT_ONCE = 512;

/** See `./index.ts`. */
export async function inspectBuffer(dir: string): Promise<BufferContents> {
  const report = await inspect(nodeFileSystem, path.resolve(dir));
  if (report === undefined) throw nothingThere(dir);
  const { identity, owner, pageSize, baseTxid, transactions, pages, bytes } = report;
  return { url: identityUrl(identity), owner, pageSize, baseTxid: formatTXID(baseTxid), transactions, pages, bytes };
}

/** See `./index.ts`. */
export async function exportBuffer(dir: string, file: string, options: ExportOptions = {}): Promise<void> {
  const commits = await UnsyncedCommits.open(nodeFileSystem, path.resolve(dir));
  if (commits === undefined) throw nothingThere(dir);
  try {
    await writeNew(path.resolve(file), async (handle) => {
      if (file.endsWith(".ltx")) handle.write((await commits.encode(systemRuntime.clock.nowMs())).bytes, 0);
      else await writeDatabase(commits, handle, options);
    });
  } finally {
    commits.close();
  }
}

/** Under another name until it is whole and durable. */
async function writeNew(file: string, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  const fs = nodeFileSystem;
  if (fs.stat(file) !== undefined) {
    throw new HeadwaterError("PATH_IN_USE", `exportBuffer writes over nothing; remove the file or name another; file=${file}`);
  }
  const draft = `${file}.${process.pid}-${systemRuntime.random.nextU32().toString(16)}.tmp`;
  const handle = fs.open(draft, "wx+", 0o600);
  try {
    await write(handle);
    handle.sync();
    handle.close();
    fs.rename(draft, file);
    fs.syncDir(path.dirname(file));
  } catch (error) {
    handle.close();
    fs.remove(draft);
    throw error;
  }
}

async function writeDatabase(commits: UnsyncedCommits, handle: FileHandle, options: ExportOptions): Promise<void> {
  const { pageSize, commit, baseTxid } = commits.report;
  const page = new Uint8Array(pageSize);
  const fromBase: number[] = [];
  for (let pgno = 1; pgno <= commit; pgno += 1) {
    const where = commits.readPage(pgno, page);
    if (where === "base") fromBase.push(pgno);
    else handle.write(page, (pgno - 1) * pageSize);
  }
  if (fromBase.length === 0) return;
  await withBase(commits, options, async (view, reader) => {
    if (view.pageSize !== pageSize) {
      throw new HeadwaterError(
        "BUFFER_FOREIGN",
        `the replica has another page size than the buffer; replica=${view.pageSize}, buffer=${pageSize}`,
      );
    }
    const zeros = new Uint8Array(pageSize);
    for (let i = 0; i < fromBase.length; i += PAGES_AT_ONCE) {
      const wanted = fromBase.slice(i, i + PAGES_AT_ONCE);
      const pages = await reader.readPages(view, wanted);
      for (const pgno of wanted) handle.write(pages.get(pgno) ?? zeros, (pgno - 1) * pageSize);
    }
  }).catch((error: unknown) => {
    if (!HeadwaterError.is(error) || !["OUT_OF_RANGE", "REPLICA_GAP", "NO_REPLICA"].includes(error.code)) throw error;
    const message = `the replica no longer has the state that the buffer's commits build on; name a file that ends in .ltx to export just them; baseTxid=${formatTXID(baseTxid)}`;
    throw new HeadwaterError(error.code, message, { cause: error });
  });
}

/** The replica as it was when the buffer's first unsynced commit was made. */
async function withBase(
  { report }: UnsyncedCommits,
  { url = identityUrl(report.identity), store: storeOptions }: ExportOptions,
  task: (view: View, reader: PageReader) => Promise<void>,
): Promise<void> {
  const given: Options = storeOptions === undefined ? {} : { store: storeOptions };
  const { config, credentials } = resolveOptions(url, given, false);
  const none = async (): Promise<Credentials> => Promise.reject(new HeadwaterError("STORE_DENIED", "no credentials function was given"));
  const store = await makeStore(config.store, systemRuntime, new SharedState(), credentials ?? none);
  try {
    const layout = createLayout(config.engine.layout, config.engine.prefix);
    const plan = planRestore((await listReplica(store, layout)).files, report.baseTxid);
    if (plan === undefined) throw new HeadwaterError("NO_REPLICA", `no replica found; url=${config.engine.url}`);
    const { view } = await openView(store, layout, plan);
    await task(view, new PageReader({ reader: storeRangeReader(store) }));
  } finally {
    await store.close();
  }
}

function nothingThere(dir: string): HeadwaterError {
  return new HeadwaterError("BUFFER_FOREIGN", `no unsynced commits are there; path=${dir}`);
}
